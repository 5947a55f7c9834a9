import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Reload of master secrets and lifetimes")
struct ReloadTests {
    private static func keyID(_ grant: TokenGrant, _ secrets: MasterSecrets) throws -> UInt8 {
        try RefreshToken(authenticating: grant.refreshToken, with: secrets).orThrow().keyID
    }

    @Test(.tags(.p3))
    func `A new secret makes the next token and seals the signing keys at once; old tokens work on`() async throws {
        let server = try await Server()
        let old = try await server.register()
        let both = try Server.secrets(2, 1)
        try await server.engine.reload(LiveSettings(secrets: both, lifetimes: .init()))
        #expect(try await server.store.base.signingKeys().allSatisfy { $0.isCurrent(both) })
        let new = try await server.refresh(old.refreshToken, as: "the-attempt-of-ana-1")
        #expect(try Self.keyID(new, both) == both.newest.id)
        #expect(try Self.keyID(old, both) != both.newest.id)
        // A retry finds the same successor, though another secret made what is presented.
        #expect(try await server.refresh(old.refreshToken, as: "the-attempt-of-ana-1").refreshToken == new.refreshToken)
        _ = try await server.claims(old)
        try await server.login()
    }

    @Test(.tags(.p3))
    func `A removed secret's tokens are refused, and those of the rest live on`() async throws {
        let server = try await Server(secrets: try Server.secrets(2, 1))
        let ana = try await server.register()
        try await server.engine.reload(LiveSettings(secrets: try Server.secrets(3, 2), lifetimes: .init()))
        let next = try await server.refresh(ana.refreshToken)
        try await server.engine.reload(LiveSettings(secrets: try Server.secrets(3), lifetimes: .init()))
        await #expect(throws: SessionError.invalidRefreshToken) { try await server.refresh(ana.refreshToken) }
        try await server.refresh(next.refreshToken)
    }

    @Test(.tags(.p6))
    func `A distrusted secret's spent token ends nothing any more`() async throws {
        let server = try await Server(policy: RotationPolicy(leeway: 0))
        let old = try await server.register()
        let next = try await server.refresh(old.refreshToken, as: "the-attempt-of-ana-1")
        try await server.engine.reload(
            LiveSettings(secrets: try Server.secrets(2, 1, distrusted: [1]), lifetimes: .init()))
        await #expect(throws: SessionError.invalidRefreshToken) {
            try await server.refresh(old.refreshToken, as: "somebody-elses-try-1")
        }
        try await server.refresh(next.refreshToken)
    }

    @Test(.tags(.p12))
    func `Secrets that open no signing key change nothing`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        await #expect(throws: KeysError.self) {
            try await server.engine.reload(LiveSettings(secrets: try Server.secrets(9), lifetimes: .init(access: 60)))
        }
        let next = try await server.refresh(grant.refreshToken)
        #expect(next.accessLifetime == 900)
    }

    @Test(.tags(.p2))
    func `Lifetimes count from the next token on, and keys outlive the tokens of a longer one`() async throws {
        let server = try await Server(lifetimes: .init(access: 3600))
        let long = try await server.register()
        let shorter = Lifetimes(access: 60, idle: 3600, absolute: 7200)
        try await server.engine.reload(LiveSettings(secrets: try Server.secrets(1), lifetimes: shorter))
        let short = try await server.refresh(long.refreshToken)
        #expect(short.accessLifetime == 60 && short.refreshTimeout == 3600)
        #expect(short.authorizationExpiresIn == 30 * 86400)
        #expect(try await server.login().authorizationExpiresIn == 7200)
        try await server.engine.keys.rotate()
        server.clock.advance(by: 601)
        try await server.engine.keys.refresh()
        server.clock.advance(by: 2900)
        try await server.engine.keys.refresh()
        _ = try await server.claims(long)
    }

    @Test(.tags(.p5))
    func `Refreshes during reloads go on, each under one state`() async throws {
        let server = try await Server()
        var grants: [TokenGrant] = []
        for number in 0..<4 { grants.append(try await server.register("user-\(number)")) }
        let states = [try Server.secrets(1, 2), try Server.secrets(2, 1)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, grant) in grants.enumerated() {
                group.addTask {
                    var token = grant.refreshToken
                    for turn in 0..<100 {
                        token = try await server.refresh(token, as: "attempt-\(number)-\(turn)-of-many").refreshToken
                    }
                }
            }
            group.addTask {
                for turn in 0..<100 {
                    try await server.engine.reload(LiveSettings(secrets: states[turn % 2], lifetimes: .init()))
                }
            }
            try await group.waitForAll()
        }
    }
}
