import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Sign-out", .tags(.p7))
struct SignOutTests {
    private func signOut(
        _ token: String, as attempt: String? = nil, _ server: Server, from origin: Origin = Server.home
    ) async throws {
        try await server.sessions.signOut(
            PresentedToken(refreshToken: token, delivery: .body, attempt: try Server.attempt(attempt), origin: origin))
    }

    @Test func `a sign-out ends the session of the current token`() async throws {
        let server = try await Server()
        let (grant, other) = (try await server.register(), try await server.login())
        try await signOut(grant.refreshToken, server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
        try await server.refresh(other.refreshToken)
        let events = try await server.events(.sessionEnded)
        #expect(events.map(\.details) == [["reason": "signed_out"]] && events[0].origin == Server.home)
    }

    @Test func `a sign-out with the token of a moment ago ends it too`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        try await signOut(first.refreshToken, server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(second.refreshToken) }
    }

    @Test(.tags(.p6)) func `a sign-out with a token that is reuse is recorded as reuse`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 60)
        try await signOut(first.refreshToken, server, from: Server.elsewhere)
        #expect(try await server.events(.sessionReused).map(\.origin) == [Server.elsewhere])
        await #expect(throws: SessionError.sessionEnded(.reused)) { try await server.refresh(second.refreshToken) }
    }

    @Test func `a sign-out still works in report-only mode`() async throws {
        let server = try await Server(policy: .init(onReuse: .report))
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 60)
        try await signOut(first.refreshToken, server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(second.refreshToken) }
    }

    @Test func `a sign-out of garbage, the dead and the unknown is silent`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        for token in ["", "prt_x", grant.accessToken] { try await signOut(token, server) }
        for _ in 1...3 { try await signOut(grant.refreshToken, server) }
        #expect(try await server.events(.sessionEnded).count == 1)
    }

    // FAULTS B11
    @Test(.tags(.p6), arguments: [0, 60] as [Int64])
    func `a sign-out with one's own old token, under the name that spent it, is no theft`(wait: Int64) async throws {
        let server = try await Server()
        let first = try await server.register()
        var newest = first
        // As many pages load, a minute apart, each under the kept name.
        for _ in 1...3 {
            newest = try await server.refresh(newest.refreshToken, as: "kept")
            server.clock.advance(by: 60)
        }
        newest = try await server.refresh(newest.refreshToken, as: "kept")
        server.clock.advance(by: wait)
        try await signOut(first.refreshToken, as: "kept", server)
        #expect(try await server.events(.sessionReused).isEmpty)
        #expect(try await server.events(.sessionEnded).map(\.details) == [["reason": "signed_out"]])
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(newest.refreshToken) }
    }

    // FAULTS B11
    @Test func `a sign-out with the current token, under the name that made it, ends the session`() async throws {
        let server = try await Server()
        let grant = try await server.refresh(try await server.register().refreshToken, as: "kept")
        try await signOut(grant.refreshToken, as: "kept", server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
    }

    // FAULTS B8
    @Test(.tags(.p6))
    func `a sign-out with a token that no turn can have made ends nothing`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let forged = RefreshToken(
            keyID: try Server.secrets(1).newest.id, sessionID: grant.session.id, generation: 99,
            issuedAt: server.clock.now - 13 * 86400, secret: Secret(Sample.bytes(99)))
        try await signOut(try forged.text(with: Server.secrets(1)).orThrow(), server, from: Server.elsewhere)
        try await server.refresh(grant.refreshToken)
    }

    @Test(.tags(.p8)) func `beats a refresh in flight`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.store.before(.rotate) { try? await signOut(grant.refreshToken, server) }
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
        #expect(try await server.row(grant).ending?.reason == .signedOut)
    }
}
