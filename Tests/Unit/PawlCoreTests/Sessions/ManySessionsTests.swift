import PawlTesting
import Testing

@testable import PawlCore

/// A user with thousands of sessions holds nobody up, and does not get more of them. FAULTS B3
@Suite("Many sessions of one user")
struct ManySessionsTests {
    /// A server with so many sessions of one user, the oldest used least recently; besides the one that is returned.
    private func server(with count: UInt64, limit: Int = 100) async throws -> (Server, TokenGrant) {
        let server = try await Server(sessionsPerUser: limit)
        let grant = try await server.register()
        let user = try await server.store.base.user(grant.session.subject).orThrow()
        for number in 0..<count {
            var session = try Sample.session(of: user, number)
            session.chain.rotatedAt = server.clock.now - 1000 + Int64(number)
            session.deadlines.idle = server.clock.now + Sample.idle
            #expect(
                try await server.store.base.startSession(
                    session, ifUserVersionIs: user.version, Sample.started(session)))
        }
        server.store.forgetCalls()
        return (server, grant)
    }

    private func live(_ server: Server, _ grant: TokenGrant) async throws -> [SessionID] {
        try await server.store.base.liveSessions(of: grant.session.subject, at: server.clock.now).map(\.id)
    }

    @Test func `a sign-in above the limit ends the session that was used least recently, and the event says why`()
        async throws
    {
        let server = try await Server(sessionsPerUser: 3)
        var grants = [try await server.register()]
        for _ in 1...2 {
            server.clock.advance(by: 10)
            grants.append(try await server.login())
        }
        server.clock.advance(by: 10)
        grants[0] = try await server.refresh(grants[0].refreshToken)
        server.clock.advance(by: 10)
        grants.append(try await server.login())
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(grants[1].refreshToken) }
        for grant in [grants[0], grants[2], grants[3]] { try await server.refresh(grant.refreshToken) }
        await #expect(throws: (any Error).self) { try await server.claims(grants[1]) }
        let events = try await server.events(.sessionEnded)
        #expect(events.map(\.session) == [grants[1].session.id])
        #expect(events[0].details == ["reason": "revoked", "by": "session_limit"])
        #expect(events[0].origin == Server.home)
    }

    @Test func `a user who has far too many comes down to the limit at the next sign-in, in slices`() async throws {
        let (server, first) = try await server(with: 300, limit: 5)
        let grant = try await server.login()
        #expect(Set(try await live(server, grant)).isSuperset(of: [grant.session.id, first.session.id]))
        #expect(try await live(server, grant).count == 5)
        #expect(server.store.calls.count { $0 == .end } >= 300 / server.store.sliceSize - 1, "no change is a long one")
        #expect(try await server.events(.sessionEnded).count == 297)
    }

    @Test func `many sessions are ended in slices, and others refresh in between`() async throws {
        let (server, mine) = try await server(with: 200, limit: 1000)
        let other = try await server.register("bob")
        let refreshed = AsyncStream<TokenGrant>.makeStream()
        server.store.before(.end) {
            if let next = try? await server.refresh(other.refreshToken) { refreshed.continuation.yield(next) }
            refreshed.continuation.finish()
        }
        try await server.sessions.endOthers(by: mine.session, origin: Server.home)
        var next: TokenGrant?
        for await grant in refreshed.stream { next = grant }
        #expect(next != nil)
        #expect(server.store.calls.count { $0 == .end } == 200 / server.store.sliceSize + 1)
        #expect(try await live(server, mine) == [mine.session.id])
        #expect(try await server.events(.sessionEnded).count == 200)
    }

    @Test func `a new password is set after most of the other sessions have ended, and ends what is left`() async throws
    {
        let (server, mine) = try await server(with: 200, limit: 1000)
        // If the process dies in between, nothing is acknowledged, and the old password is good for another try.
        server.store.fail([.rotate])
        await #expect(throws: SessionError.unavailable) { try await server.change(mine.refreshToken, as: "new") }
        #expect(try await live(server, mine).count == server.store.sliceSize + 1)
        server.store.fail([])
        let changed = try await server.change(mine.refreshToken, as: "new")
        #expect(try await live(server, mine) == [changed.session.id])
        #expect(try await server.events(.sessionEnded).count == 200)
        try await server.login("ana", Server.newPassword)
    }

    @Test func `a sign-out everywhere that fails half way can be repeated by the same session`() async throws {
        let (server, mine) = try await server(with: 20, limit: 1000)
        server.store.before(.end) { server.store.before(.end) { server.store.fail([.end]) } }
        await #expect(throws: SessionError.unavailable) {
            try await server.sessions.endAll(by: mine.session, origin: Server.home)
        }
        #expect(try await live(server, mine).contains(mine.session.id))
        server.store.fail([])
        let claims = try await server.claims(mine)
        try await server.sessions.endAll(by: server.sessions.session(of: claims), origin: Server.home)
        #expect(try await live(server, mine).isEmpty)
    }

    @Test(arguments: [ObservedStore.Call.leastRecentlyUsed, .end, .rotate])
    func `a right password counts for no wrong one where the store fails before the change`(call: ObservedStore.Call)
        async throws
    {
        let (server, mine) = try await server(with: 20, limit: 1000)
        server.store.fail([call])
        await #expect(throws: SessionError.unavailable) { try await server.change(mine.refreshToken, as: "new") }
        server.store.fail([])
        #expect(try await server.row(mine).stepUpFailures == 0)
    }

    @Test func `a wrong password ends no other session`() async throws {
        let (server, mine) = try await server(with: 100, limit: 1000)
        await #expect(throws: SessionError.wrongPassword) {
            try await server.change(mine.refreshToken, from: "not the right password", as: "new")
        }
        #expect(try await live(server, mine).count == 101)
    }

    @Test func `disabling a user ends most of the sessions before, and the rest with the change`() async throws {
        let (server, mine) = try await server(with: 200, limit: 1000)
        try await server.administer { $0.isDisabled = true }
        #expect(try await live(server, mine).isEmpty)
        let calls = server.store.calls
        #expect(calls.count { $0 == .end } > 1)
        #expect(calls.last { $0 == .end || $0 == .update } == .update)
    }

    @Test func `changed roles reach many sessions in slices`() async throws {
        let (server, mine) = try await server(with: 100, limit: 1000)
        try await server.administer { $0.roles = ["auditor"] }
        #expect(server.store.calls.count { $0 == .copyRoles } == 101 / server.store.sliceSize + 1)
        let rows = try await server.store.base.liveSessions(of: mine.session.subject, at: server.clock.now)
        #expect(rows.count == 101 && rows.allSatisfy { $0.roles == ["auditor"] })
    }

    @Test func `a user with few sessions is changed in one change`() async throws {
        let (server, _) = try await server(with: 10)
        try await server.administer { $0.roles = ["auditor"] }
        try await server.administer { $0.isDisabled = true }
        #expect(!server.store.calls.contains(.end) && !server.store.calls.contains(.copyRoles))
    }
}
