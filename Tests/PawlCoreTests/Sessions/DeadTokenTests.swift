import PawlJWT
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Floods of dead tokens stay cheap", .tags(.p10))
struct DeadTokenTests {
    @Test func `a dead session is looked up once, by whichever of its tokens`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        try await server.sessions.signOut(refreshToken: second.refreshToken, attempt: nil, origin: Server.home)
        // Another process does not know yet, and learns at the first token.
        let other = try await server.restartedWithoutMemory()
        other.store.forgetCalls()
        for token in [first.refreshToken, second.refreshToken, second.refreshToken] {
            await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await other.refresh(token) }
        }
        #expect(other.store.calls == [.rotate])
    }

    @Test func `a token older than twice the idle time costs no look-up`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.advance(by: 2 * 7 * 86400 + 1)
        server.store.forgetCalls()
        await #expect(throws: SessionError.sessionEnded(.expired)) { try await server.refresh(grant.refreshToken) }
        #expect(server.store.calls.isEmpty)
    }

    @Test(.tags(.p5))
    func `a token spent at the end of its idle time is replayed for as long as its successor lives`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.clock.advance(by: 7 * 86400 - 1)
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 7 * 86400 - 1)
        #expect(try await server.refresh(first.refreshToken, as: "one").refreshToken == second.refreshToken)
    }

    @Test(.tags(.p7))
    func `a sign-out reaches access tokens of this process at once`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        _ = try await server.claims(grant)
        try await server.sessions.signOut(refreshToken: grant.refreshToken, attempt: nil, origin: Server.home)
        await #expect(throws: AccessTokenError.sessionEnded) { try await server.claims(grant) }
    }

    @Test(.tags(.p7))
    func `a restart does not bring ended sessions' access tokens back to life`() async throws {
        let server = try await Server()
        let signedOut = try await server.register()
        let (reused, live) = (try await server.login(), try await server.login())
        try await server.sessions.signOut(refreshToken: signedOut.refreshToken, attempt: nil, origin: Server.home)
        try await server.refresh(reused.refreshToken, as: "one")
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.self) { try await server.refresh(reused.refreshToken, as: "two") }
        let restarted = try await server.restarted()
        for grant in [signedOut, reused] {
            await #expect(throws: AccessTokenError.sessionEnded) { try await restarted.claims(grant) }
        }
        _ = try await restarted.claims(live)
    }

    @Test func `what was only reported, or merely expired, is on no list`() async throws {
        let server = try await Server(policy: .init(onReuse: .report))
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.sessionEnded(.reused)) { try await server.refresh(first.refreshToken) }
        try await server.refresh(second.refreshToken, as: "two")
        #expect(server.sessions.dead[first.session.id] == nil)
    }

    @Test func `the list is bounded: the oldest makes room`() throws {
        let list = DeadList(capacity: 3)
        let ids = try (0..<5).map { try SessionID(bytes: Sample.bytes($0, count: 16)).orThrow() }
        for id in ids[..<3] { list.insert(id, .signedOut) }
        list.insert(ids[0], .reused)
        #expect(list[ids[0]] == .reused, "told again, it takes no second place")
        for id in ids[3...] { list.insert(id, .revoked) }
        #expect(ids.map { list[$0] } == [nil, nil, .signedOut, .revoked, .revoked])
        list.insert(ids[0], .expired)
        #expect(list[ids[0]] == nil)
    }
}

extension Server {
    /// Another process that has not heard of what ended: its start lies further back than the events.
    fileprivate func restartedWithoutMemory() async throws -> Server {
        clock.advance(by: 86400)
        return try await restarted()
    }
}
