import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Theft shows", .tags(.p6))
struct TheftTests {
    @Test func `a thief who comes after the owner ends the session, with evidence of both sides`() async throws {
        let server = try await Server()
        let stolen = try await server.register()
        let other = try await server.login()
        let second = try await server.refresh(stolen.refreshToken, as: "one")
        server.clock.advance(by: 90)

        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(stolen.refreshToken, as: "thief's", from: Server.elsewhere)
        }

        await #expect(throws: SessionError.sessionEnded(.reused)) { try await server.refresh(second.refreshToken) }
        await #expect(throws: AccessTokenError.sessionEnded) { try await server.claims(second) }
        try await server.refresh(other.refreshToken, as: "other device")
        let events = try await server.events(.sessionReused)
        let event = try #require(events.first)
        #expect(events.count == 1 && event.session == stolen.session.id && event.subject == stolen.session.subject)
        #expect(event.origin == Server.elsewhere)
        #expect(
            event.details == [
                "generation_gap": "1", "seconds_since_rotation": "90", "holder_address": "192.0.2.7",
                "holder_user_agent": "Owner/1",
            ])
        #expect(server.logs.text.contains("session_reused"))
    }

    @Test func `a thief who comes first is found out by the owner`() async throws {
        let server = try await Server()
        let stolen = try await server.register()
        let thiefs = try await server.refresh(stolen.refreshToken, as: "thief's", from: Server.elsewhere)
        await #expect(throws: SessionError.refreshConflict) { try await server.refresh(stolen.refreshToken, as: "one") }
        server.clock.advance(by: 31)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(stolen.refreshToken, as: "one")
        }
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(thiefs.refreshToken, as: "thief's second", from: Server.elsewhere)
        }
    }

    @Test func `a thief inside the leeway who does not know the attempt gets nothing, and is noted`() async throws {
        let server = try await Server()
        let stolen = try await server.register()
        try await server.refresh(stolen.refreshToken, as: "one")
        for attempt in ["thief's", nil] {
            await #expect(throws: SessionError.refreshConflict) {
                try await server.refresh(stolen.refreshToken, as: attempt, from: Server.elsewhere)
            }
        }
        let events = try await server.events(.refreshConflict)
        #expect(events.map(\.origin) == [Server.elsewhere] && events[0].details["count"] == "2")
    }

    @Test func `an older token ends the session even inside the leeway`() async throws {
        let server = try await Server()
        let stolen = try await server.register()
        let second = try await server.refresh(stolen.refreshToken)
        try await server.refresh(second.refreshToken)
        await #expect(throws: SessionError.sessionEnded(.reused)) { try await server.refresh(stolen.refreshToken) }
    }

    @Test func `report-only keeps the evidence and lets the session live`() async throws {
        let server = try await Server(policy: .init(onReuse: .report))
        let stolen = try await server.register()
        let second = try await server.refresh(stolen.refreshToken, as: "one")
        server.clock.advance(by: 3600)
        for _ in 1...2 {
            await #expect(throws: SessionError.sessionEnded(.reused)) {
                try await server.refresh(stolen.refreshToken, as: "thief's", from: Server.elsewhere)
            }
        }
        #expect(try await server.events(.reuseReported).map { $0.details["count"] } == ["2"])
        #expect(try await server.events(.sessionReused).isEmpty)
        _ = try await server.refresh(second.refreshToken, as: "two")
    }

    @Test func `no leeway at all is a configuration too`() async throws {
        let server = try await Server(policy: .init(leeway: 0))
        let stolen = try await server.register()
        let second = try await server.refresh(stolen.refreshToken, as: "one")
        #expect(try await server.refresh(stolen.refreshToken, as: "one").refreshToken == second.refreshToken)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(stolen.refreshToken, as: "two")
        }
    }

    @Test func `a token that only a leaked master secret vouches for ends no session`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        let secrets = try Server.secrets(2, 1, distrusted: [1])
        let newer = try await server.restarted(secrets: secrets)
        newer.clock.advance(by: 3600)
        let forged = RefreshToken(
            keyID: try Server.secrets(1).newest.id, sessionID: first.session.id, generation: 0,
            issuedAt: newer.clock.now,
            secret: Secret(Sample.bytes(3)))
        let text = try forged.text(with: secrets).orThrow()
        await #expect(throws: SessionError.invalidRefreshToken) { try await newer.refresh(text, as: "thief's") }
        await #expect(throws: SessionError.invalidRefreshToken) { try await newer.refresh(first.refreshToken, as: "x") }
        try await newer.sessions.signOut(
            PresentedToken(refreshToken: text, delivery: .body, attempt: nil, origin: Server.elsewhere))
        // The owner's current token has its hash for a witness, and its retry has the seal.
        #expect(try await newer.refresh(first.refreshToken, as: "one").refreshToken == second.refreshToken)
        let third = try await newer.refresh(second.refreshToken, as: "two")
        #expect(try third.token(secrets).keyID == secrets.newest.id)
    }

    @Test(.tags(.p12))
    func `flipping any character of a token changes nothing but the answer`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        let row = try await server.row(first)
        let events = try await server.events()
        server.clock.advance(by: 3600)
        server.store.forgetCalls()
        for token in [first.refreshToken, second.refreshToken] {
            for place in token.indices {
                var changed = token
                changed.replaceSubrange(place...place, with: token[place] == "A" ? "B" : "A")
                await #expect(throws: SessionError.invalidRefreshToken) { try await server.refresh(changed, as: "one") }
                try await server.sessions.signOut(
                    PresentedToken(refreshToken: changed, delivery: .body, attempt: nil, origin: Server.elsewhere))
            }
        }
        #expect(server.store.calls.isEmpty, "no database work for what is not authentic")
        #expect(try await server.row(first) == row)
        #expect(try await server.events() == events)
    }

    @Test(
        .tags(.p12),
        arguments: [
            "", "prt_", "not a token", String(repeating: "A", count: 104), "prt_" + String(repeating: "é", count: 50),
        ])
    func `garbage is neither a token nor a crime`(text: String) async throws {
        let server = try await Server()
        let grant = try await server.register()
        await #expect(throws: SessionError.invalidRefreshToken) { try await server.refresh(text) }
        await #expect(throws: SessionError.invalidRefreshToken) { try await server.refresh(grant.accessToken) }
        try await server.refresh(grant.refreshToken)
    }
}
