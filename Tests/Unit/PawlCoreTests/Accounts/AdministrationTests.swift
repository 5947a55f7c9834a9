import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Administration", .tags(.p7))
struct AdministrationTests {
    @Test func `disabling ends all sessions, enabling lets sign in anew`() async throws {
        let server = try await Server()
        let (first, second) = (try await server.register(), try await server.login())
        try await server.administer { $0.isDisabled = true }
        for grant in [first, second] {
            await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(grant.refreshToken) }
            await #expect(throws: (any Error).self) { try await server.claims(grant) }
        }
        try await server.administer { $0.isDisabled = false }
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(first.refreshToken) }
        try await server.login()
    }

    @Test(.tags(.p12)) func `administration of nobody is an error`() async throws {
        let server = try await Server()
        await #expect(throws: SessionError.noSuchUser) { try await server.administer("nobody") { $0.roles = ["x"] } }
    }

    @Test func `a new password by an operator ends all sessions, and the old one is over`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let name = try Identifier("ana").orThrow()
        _ = try await server.accounts.setPassword(of: name, to: try Password(Server.newPassword).orThrow())
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(first.refreshToken) }
        await #expect(throws: SessionError.invalidCredentials) { try await server.login() }
        try await server.login("ana", Server.newPassword)
        await #expect(throws: SessionError.passwordRefused(.tooShort(minimum: 15))) {
            try await server.accounts.setPassword(of: name, to: try Password("short").orThrow())
        }
    }

    @Test func `an operator's new password wins over a login that races it`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.store.before(.startSession) {
            let password = Password(Server.newPassword)
            guard let name = Identifier("ana"), let password else { return }
            _ = try? await server.accounts.setPassword(of: name, to: password)  // if it failed, the login would succeed
        }
        await #expect(throws: SessionError.invalidCredentials) { try await server.login() }
        #expect(try await server.store.base.liveSessions(of: grant.session.subject, at: server.clock.now).isEmpty)
    }

    @Test func `an operator adds users where registration is closed, and lists them`() async throws {
        let server = try await Server(isRegistrationOpen: false)
        let password = try Password(Server.password).orThrow()
        for name in ["zoe", "ana", "bob"] {
            _ = try await server.accounts.add(
                try Identifier(name).orThrow(), password: password, roles: ["member"], scope: ["read"])
        }
        await #expect(throws: SessionError.identifierTaken) {
            try await server.accounts.add(try Identifier("ANA").orThrow(), password: password, roles: [], scope: [])
        }
        let grant = try await server.login("bob")
        #expect(grant.session.roles == ["member"] && grant.session.scope == ["read"])
        #expect(try await server.accounts.users(after: nil, limit: 2).map(\.identifier.text) == ["ana", "bob"])
        #expect(try await server.accounts.users(after: try Identifier("ana").orThrow(), limit: 9).count == 2)
        let bob = try Identifier("bob").orThrow()
        #expect(try await server.accounts.devices(of: bob).map(\.id) == [grant.session.id])
        #expect(try await server.accounts.endSessions(of: bob) == 1)
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(grant.refreshToken) }
    }

    // FAULTS D9
    @Test func `one request changes password, roles and state, with one read of the user and one transaction`()
        async throws
    {
        let server = try await Server()
        let grant = try await server.register()
        let name = try Identifier("ana").orThrow()
        server.store.forgetCalls()
        let user = try await server.accounts.administer(
            name, UserChange(roles: ["admin"], isDisabled: false, at: server.clock.now),
            password: try Password(Server.newPassword).orThrow())
        #expect(server.store.calls == [.userByIdentifier, .leastRecentlyUsed, .update])
        #expect(user.roles == ["admin"])
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(grant.refreshToken) }
        #expect(try await server.login("ana", Server.newPassword).session.roles == ["admin"])

        await #expect(throws: SessionError.passwordRefused(.tooShort(minimum: 15))) {
            try await server.accounts.administer(
                name, UserChange(roles: ["root"], at: server.clock.now), password: try Password("short").orThrow())
        }
        #expect(try await server.accounts.user(name).roles == ["admin"], "a refused password changes nothing")
    }
}
