import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

// FAULTS B11
/// Pages that load one after the other repeat the name of the last attempt, as `pawl.js` does.
@Suite("The attempt that made the current token", .tags(.p5, .p6))
struct SteadyTests {
    @Test func `gets the same refresh token for a minute, and nothing is written`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "kept")
        let row = try await server.row(second)
        for wait: Int64 in [0, 29, 30] {
            server.clock.advance(by: wait)
            let again = try await server.refresh(second.refreshToken, as: "kept", from: Server.elsewhere)
            #expect(again.refreshToken == second.refreshToken)
            #expect(again.accessToken != second.accessToken)
            #expect(try await server.claims(again).subject == second.session.subject.description)
            #expect(try await server.row(second) == row)
        }
        server.clock.advance(by: 1)
        let third = try await server.refresh(second.refreshToken, as: "kept")
        #expect(third.refreshToken != second.refreshToken)
        #expect(try await server.row(third).chain.generation == row.chain.generation + 1)
        #expect(try await server.events(.sessionReused, .refreshConflict).isEmpty)
    }

    @Test func `heals a crash that puts an older cookie back after many page loads`() async throws {
        let server = try await Server()
        let first = try await server.register()
        var newest = first
        for _ in 1...8 {
            newest = try await server.refresh(newest.refreshToken, as: "kept")
            server.clock.advance(by: 4)
        }
        let healed = try await server.refresh(first.refreshToken, as: "kept")
        #expect(healed.refreshToken == newest.refreshToken)
    }

    @Test
    func
        `the attempt that made the current token is known by the current token alone: another attempt turns the session`()
        async throws
    {
        let server = try await Server()
        let stolen = try await server.refresh(try await server.register().refreshToken, as: "kept")
        // A thief of the bare cookie does not know the name, and so gives the theft away.
        try await server.refresh(stolen.refreshToken, as: "thief's", from: Server.elsewhere)
        await #expect(throws: SessionError.refreshConflict) {
            try await server.refresh(stolen.refreshToken, as: "kept")
        }
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(stolen.refreshToken, as: "kept")
        }
    }

    @Test func `the attempt that made the current token gets it also if its master secret is distrusted`() async throws
    {
        let server = try await Server()
        let grant = try await server.refresh(try await server.register().refreshToken, as: "kept")
        let wary = try await server.restarted(secrets: try Server.secrets(2, 1, distrusted: [1]))
        #expect(try await wary.refresh(grant.refreshToken, as: "kept").refreshToken == grant.refreshToken)
        let forged = RefreshToken(
            keyID: try Server.secrets(1).newest.id, sessionID: grant.session.id,
            generation: try await server.row(grant).chain.generation, issuedAt: server.clock.now,
            secret: Secret(Sample.bytes(3)))
        let text = try forged.text(with: Server.secrets(1)).orThrow()
        await #expect(throws: SessionError.invalidRefreshToken) { try await wary.refresh(text, as: "kept") }
    }

    @Test func `proves nothing: a step-up under its name wants the password and turns the session`() async throws {
        let server = try await Server()
        let grant = try await server.refresh(try await server.register().refreshToken, as: "kept")
        await #expect(throws: SessionError.wrongPassword) {
            try await server.reauthenticate(grant.refreshToken, "something quite wrong", as: "kept")
        }
        server.clock.advance(by: 5)
        let proven = try await server.reauthenticate(grant.refreshToken, as: "kept")
        #expect(proven.refreshToken != grant.refreshToken)
        #expect(try await server.row(proven).proof.time == server.clock.now)
    }

    @Test func `the attempt that made the current token knows its token again after the same name made several`()
        async throws
    {
        let server = try await Server()
        var grant = try await server.register()
        for _ in 1...6 {
            grant = try await server.refresh(grant.refreshToken, as: "kept")
            #expect(try await server.refresh(grant.refreshToken, as: "kept").refreshToken == grant.refreshToken)
            server.clock.advance(by: 60)
        }
        #expect(try await server.row(grant).chain.generation == 6)
    }

    @Test func `an attempt whose old token comes back late is told that it is stale, and the session lives`()
        async throws
    {
        let server = try await Server()
        let first = try await server.register()
        var newest = first
        for _ in 1...3 {
            server.clock.advance(by: 60)
            newest = try await server.refresh(newest.refreshToken, as: "kept")
        }
        await #expect(throws: SessionError.refreshConflict) { try await server.refresh(first.refreshToken, as: "kept") }
        server.clock.advance(by: 60)
        for _ in 1...2 {
            await #expect(throws: SessionError.sessionEnded(.stale)) {
                try await server.refresh(first.refreshToken, as: "kept")
            }
        }
        #expect(try await server.events(.sessionReused, .sessionEnded).isEmpty)
        try await server.refresh(newest.refreshToken, as: "next")
    }
}
