import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

/// A change of the user between a login's look at them and its session is the race to win: the old password, the
/// disabled user and the stale roles must not slip through. A request that loses a race may be refused (`try?`): what counts
/// is which sessions are left.
@Suite("A login that races a change", .tags(.p1, .p7))
struct LoginRaceTests {
    @Test func `a login that races a change of the password never leaves a session of the old one`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.store.before(.startSession) { _ = try? await server.change(grant.refreshToken, as: "change") }
        await #expect(throws: SessionError.invalidCredentials) { try await server.login(from: Server.elsewhere) }
        #expect(
            try await server.store.base.liveSessions(of: grant.session.subject, at: server.clock.now).map(\.id) == [
                grant.session.id
            ])
        try await server.login("ana", Server.newPassword)
    }

    @Test func `a login that races a change of the state never leaves a session of the disabled user`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.store.before(.startSession) { try? await server.administer { $0.isDisabled = true } }
        await #expect(throws: SessionError.invalidCredentials) { try await server.login() }
        #expect(try await server.store.base.liveSessions(of: grant.session.subject, at: server.clock.now).isEmpty)
    }

    @Test func `a login that races a change of the roles gets the new ones, and hashes once`() async throws {
        let server = try await Server()
        try await server.register()
        server.store.before(.startSession) { try? await server.administer { $0.roles = ["new"] } }
        let checks = server.hasher.count.checks
        let grant = try await server.login()
        #expect(grant.session.roles == ["new"])
        #expect(try await server.claims(grant).roles == ["new"])
        #expect(server.hasher.count.checks == checks + 1)
    }

    @Test func `a login that races a change that never rests gives up, and lets nobody in`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        @Sendable func interfere() async {
            let roles = ["after-\(server.store.calls.count)-calls"]
            try? await server.administer { $0.roles = roles }
            server.store.before(.startSession, interfere)
        }
        server.store.before(.startSession, interfere)
        await #expect(throws: SessionError.unavailable) { try await server.login() }
        #expect(try await server.store.base.liveSessions(of: grant.session.subject, at: server.clock.now).count == 1)
    }

    @Test func `a registration that races a change leaves no session of a disabled user`() async throws {
        let server = try await Server()
        server.store.before(.startSession) { try? await server.administer { $0.isDisabled = true } }
        await #expect(throws: SessionError.invalidCredentials) { try await server.register() }
    }

    /// The same without staging: whatever the order, afterwards no live session may be out of date.
    @Test func `logins that race with a change of the user leave no session that is out of date`() async throws {
        let server = try await Server(lifetimes: .init(absolute: 365 * 86400))
        for number in 1...200 {
            let name = "user \(number)"
            server.clock.advance(by: 36)  // as many registrations as one network may make
            let grant = try await server.register(name)
            await withTaskGroup(of: Void.self) { group in
                for _ in 1...2 { group.addTask { _ = try? await server.login(name) } }
                switch number % 3 {
                case 0: group.addTask { _ = try? await server.change(grant.refreshToken, as: "change") }
                case 1: group.addTask { try? await server.administer(name) { $0.isDisabled = true } }
                default: group.addTask { try? await server.administer(name) { $0.roles = ["new"] } }
                }
                group.addTask { _ = try? await server.login(name) }
            }
            let live = try await server.store.base.liveSessions(of: grant.session.subject, at: server.clock.now)
            switch number % 3 {
            case 0: #expect(live.map(\.id) == [grant.session.id], "the new password ended all others")
            case 1: #expect(live.isEmpty)
            default: #expect(live.allSatisfy { $0.roles == ["new"] } && live.count == 4)
            }
        }
    }
}
