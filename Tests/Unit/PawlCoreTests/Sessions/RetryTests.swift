import PawlTesting
import Testing

@testable import PawlCore

@Suite("A retry is never punished", .tags(.p5))
struct RetryTests {
    @Test func `an hour later the same attempt gets the same bytes`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        for wait: Int64 in [0, 31, 3600, 86400] {
            server.clock.advance(by: wait)
            let again = try await server.refresh(first.refreshToken, as: "one", from: Server.elsewhere)
            #expect(again.refreshToken == second.refreshToken)
            #expect(again.accessToken != second.accessToken, "a fresh access token")
            #expect(
                again.refreshTimeout == second.refreshTimeout
                    - (server.clock.now.seconds - second.session.chain.rotatedAt.seconds))
            #expect(again.session == second.session, "nothing moved")
        }
        try await server.refresh(second.refreshToken, as: "two")
    }

    @Test func `a retry is answered also after the master secret was rotated`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        let newer = try await server.restarted(secrets: try Server.secrets(2, 1))
        newer.clock.advance(by: 3600)
        #expect(try await newer.refresh(first.refreshToken, as: "one").refreshToken == second.refreshToken)
        // The next token is the new secret's, and its retry too.
        let third = try await newer.refresh(second.refreshToken, as: "two")
        #expect(try third.token(try Server.secrets(2)).keyID == (try Server.secrets(2).newest.id))
        #expect(try await newer.refresh(second.refreshToken, as: "two").refreshToken == third.refreshToken)
    }

    @Test func `a retry is answered until the successor has itself been used`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        let third = try await server.refresh(second.refreshToken, as: "two")
        // Stuck on the way: no token, but no alarm, however late.
        await #expect(throws: SessionError.refreshConflict) { try await server.refresh(first.refreshToken, as: "one") }
        server.clock.advance(by: 3600)
        await #expect(throws: SessionError.sessionEnded(.stale)) {
            try await server.refresh(first.refreshToken, as: "one")
        }
        try await server.refresh(third.refreshToken, as: "three")
    }

    @Test func `quoted or not, the name is the same`() async throws {
        let server = try await Server()
        let first = try await server.register()
        func refresh(_ name: String) async throws -> TokenGrant {
            try await server.sessions.refresh(
                PresentedToken(
                    refreshToken: first.refreshToken, delivery: .body, attempt: AttemptName(name), origin: Server.home))
        }
        let second = try await refresh("\"8f14e45f-ceea-467f-a8d6\"")
        server.clock.advance(by: 3600)
        #expect(try await refresh("8f14e45f-ceea-467f-a8d6").refreshToken == second.refreshToken)
    }

    @Test func `another attempt inside the leeway is a conflict, and the owner goes on`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 29)
        await #expect(throws: SessionError.refreshConflict) { try await server.refresh(first.refreshToken, as: "two") }
        await #expect(throws: SessionError.refreshConflict) { try await server.refresh(first.refreshToken) }
        try await server.refresh(second.refreshToken, as: "three")
    }

    @Test func `racing tabs that name no attempt all get the successor inside the leeway`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken)
        server.clock.advance(by: 29)
        #expect(try await server.refresh(first.refreshToken).refreshToken == second.refreshToken)
    }

    @Test(arguments: [true, false])
    func `fifty at once leave one successor and sign nobody out`(isNamed: Bool) async throws {
        let server = try await Server()
        let first = try await server.register()
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 1...50 {
                group.addTask { try await server.refresh(first.refreshToken, as: isNamed ? "one" : nil).refreshToken }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(tokens.count == 1)
        #expect(try await server.row(first).chain.generation == 1)
        try await server.refresh(try tokens.first.orThrow())
    }

    @Test func `when signing failed after the commit, the retry gets the token`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let row = try await server.row(first)
        // What such a failure leaves: a turned row, and a client that knows nothing of it.
        let token = try first.token(try Server.secrets(1))
        let lost = token.successor(
            at: server.clock.now, secrets: try Server.secrets(1), randomness: SeededRandomness(seed: 9).randomness)
        let keys = TokenKeys(of: token)
        let seal = try SuccessorSeal.seal(lost, under: token, keys, randomness: .system)
        let attempt = keys.digest(of: try Server.attempt("one").orThrow())
        let turn = Turn(
            Presentation(
                sessionID: row.id, generation: 0, hash: token.hash, issuedAt: token.issuedAt, isDistrusted: false,
                attempt: attempt, delivery: .body, now: server.clock.now, origin: Server.home),
            to: Successor(hash: lost.hash, seal: seal, attempt: nil, idleExpiry: row.deadlines.idle))
        #expect(try await server.store.base.rotate(turn, under: .init()).verdict == .rotate)
        #expect(
            try await server.refresh(first.refreshToken, as: "one").refreshToken == lost.text(with: Server.secrets(1)))
    }
}
