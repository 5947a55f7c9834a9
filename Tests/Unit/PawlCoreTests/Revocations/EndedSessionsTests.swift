import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Floods of dead tokens stay cheap", .tags(.p10))
struct DeadTokenTests {
    @Test func `a dead session is looked up once, by whichever of its tokens`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        try await server.sessions.signOut(
            PresentedToken(refreshToken: second.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
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
        try await server.sessions.signOut(
            PresentedToken(
                refreshToken: grant.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
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
        try await server.sessions.signOut(
            PresentedToken(refreshToken: grant.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
        await #expect(throws: AccessTokenError.sessionEnded) { try await server.claims(grant) }
    }

    @Test(.tags(.p7))
    func `a restart does not bring ended sessions' access tokens back to life`() async throws {
        let server = try await Server()
        let signedOut = try await server.register()
        let (reused, live) = (try await server.login(), try await server.login())
        try await server.sessions.signOut(
            PresentedToken(refreshToken: signedOut.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
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
        #expect(server.sessions.ended[first.session.id] == nil)
    }

    // FAULTS B3
    @Test func `a user with many ended sessions takes no more than a tenth of the list of dead sessions`() throws {
        let list = EndedSessions(capacity: 100)
        let (many, few) = (try Sample.user("many").id, try Sample.user("few").id)
        let ids = try (0..<300).map { try SessionID(bytes: Sample.bytes($0, count: 16)).orThrow() }
        list.insert(ids[0], .signedOut, of: few)
        for id in ids[1...] { list.insert(id, .revoked, of: many) }
        #expect(list[ids[0]] == .signedOut)
        #expect(ids.count { list[$0] == .revoked } == 10)
        #expect(list.isIncomplete(for: many) && !list.isIncomplete(for: few))
        // Others push the oldest out, and with them the share of their user is free again.
        let others = try (300..<400).map { try SessionID(bytes: Sample.bytes($0, count: 16)).orThrow() }
        for id in others { list.insert(id, .revoked, of: nil) }
        list.insert(ids[299], .revoked, of: many)
        #expect(list[ids[299]] == .revoked && list.isIncomplete(for: many))
    }

    // FAULTS B3
    @Test(.tags(.p7))
    func `an access token is refused though its ended session found no room in the list`() async throws {
        let server = try await Server()
        let (ended, live) = (try await server.register(), try await server.login())
        for number in UInt64(0)..<10_001 {
            let other = try SessionID(bytes: Sample.bytes(number, count: 16)).orThrow()
            server.sessions.ended.insert(other, .revoked, of: live.session.subject)
        }
        try await server.sessions.signOut(ended.session, origin: Server.home)
        #expect(server.sessions.ended[ended.session.id] == nil)
        await #expect(throws: AccessTokenError.sessionEnded) { try await server.claims(ended) }
        _ = try await server.claims(live)
        server.store.fail([.session])
        await #expect(throws: AccessTokenError.unavailable) { try await server.claims(live) }
    }

    @Test func `the list is bounded: the oldest makes room`() throws {
        let list = EndedSessions(capacity: 3)
        let ids = try (0..<5).map { try SessionID(bytes: Sample.bytes($0, count: 16)).orThrow() }
        for id in ids[..<3] { list.insert(id, .signedOut, of: nil) }
        list.insert(ids[0], .reused, of: nil)
        #expect(list[ids[0]] == .reused, "told again, it takes no second place")
        for id in ids[3...] { list.insert(id, .revoked, of: nil) }
        #expect(ids.map { list[$0] } == [nil, nil, .signedOut, .revoked, .revoked])
        list.insert(ids[0], .expired, of: nil)
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
