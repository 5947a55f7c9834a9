import PawlTesting
import Testing

@testable import PawlCore

/// What one server learns of the sessions that another one ends.
@Suite("Revocations", .tags(.p7))
struct RevocationsTests {
    /// Two servers on one database, and a session that both know.
    private func pair() async throws -> (Server, Server, TokenGrant) {
        let server = try await Server()
        let other = try await Server(clock: server.clock, store: server.store, seed: 2)
        let grant = try await server.register()
        try await other.engine.revocations.follow()
        return (server, other, grant)
    }

    private func signOut(_ grant: TokenGrant, at server: Server) async throws {
        try await server.sessions.signOut(
            PresentedToken(refreshToken: grant.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
    }

    @Test func `a server that did not reach the database for a while learns what ended meanwhile`() async throws {
        let (server, other, grant) = try await pair()
        try await signOut(grant, at: server)
        for seconds in [Int64(120), 600] {
            server.clock.advance(by: seconds)
            server.store.fail([.endings])
            await #expect(throws: StoreError.self) { try await other.engine.revocations.follow() }
        }
        server.store.fail([])
        try await other.engine.revocations.follow()
        #expect(other.engine.environment.ended[grant.session.id] == .signedOut)
    }

    @Test func `a clock that is set meanwhile, and an event with an old time, hide no end`() async throws {
        let (server, other, grant) = try await pair()
        try await signOut(grant, at: server)
        try await server.store.base.append(Event(.loginFailed, at: server.clock.now - 86400))
        server.clock.jump(by: 40)
        try await other.engine.revocations.follow()
        #expect(other.engine.environment.ended[grant.session.id] == .signedOut)
        let late = try await Server(clock: server.clock, store: server.store, seed: 3)
        #expect(late.engine.environment.ended[grant.session.id] == .signedOut, "also at a start")
    }

    @Test func `an end is learnt whose transaction commits after one with a higher number`() async throws {
        let (server, other, grant) = try await pair()
        let before = server.rows
        try await signOut(grant, at: server)
        let after = server.rows
        // The number is taken, and a later one is seen first.
        server.rows = before
        try await other.engine.revocations.follow()
        server.rows = after
        server.clock.advance(by: 20)
        try await other.engine.revocations.follow()
        #expect(other.engine.environment.ended[grant.session.id] == .signedOut)
    }

    @Test func `a database that goes back is followed from where it is`() async throws {
        let (server, other, grant) = try await pair()
        let backup = server.rows
        for number in 0..<50 { try await server.register("user \(number)") }
        try await other.engine.revocations.follow()
        server.clock.advance(by: 60)
        try await other.engine.revocations.follow()
        server.rows = backup
        try await other.engine.revocations.follow()
        try await signOut(grant, at: server)
        try await other.engine.revocations.follow()
        #expect(other.engine.environment.ended[grant.session.id] == .signedOut)
    }
}
