import PawlJOSE
import PawlTesting

@testable import PawlCore

/// A server without its edge: accounts and sessions over a store in memory, at a time that the test holds.
struct Server {
    static let issuer = "https://pawl.test"
    static let password = "correct horse battery staple"
    static let newPassword = "seven wet mice under a hat"
    static let home = Origin(address: "192.0.2.7", userAgent: "Owner/1")
    static let elsewhere = Origin(address: "198.51.100.66", userAgent: "Thief/9")

    let clock: ManualClock
    let store: ObservedStore
    let hasher: InstantHasher
    let logs: LogCapture
    let engine: Engine
    var sessions: Sessions { engine.sessions }
    var accounts: Accounts { engine.accounts }

    /// The master secrets by number, newest first.
    static func secrets(_ numbers: UInt64..., distrusted: Set<UInt64> = []) throws -> MasterSecrets {
        try MasterSecrets(
            newestFirst: numbers.map { number in
                try MasterSecret(Secret(Sample.bytes(number)), isDistrusted: distrusted.contains(number)).orThrow()
            })
    }

    init(
        secrets: MasterSecrets? = nil, policy: RotationPolicy = .init(),
        lifetimes: Lifetimes = .init(), sessionsPerUser: Int = 100, schedule: KeySchedule? = nil,
        rules: PasswordRules = .init(), audience: [String] = [], isRegistrationOpen: Bool = true,
        clock: ManualClock = .init(), store: ObservedStore = .init(),
        hasher: InstantHasher = .init(), logs: LogCapture = .init(), seed: UInt64 = 1
    ) async throws {
        self.clock = clock
        self.store = store
        self.hasher = hasher
        self.logs = logs
        let environment = PawlEnvironment(
            store: store,
            settings: .init(LiveSettings(secrets: try secrets ?? Self.secrets(1), lifetimes: lifetimes)),
            clock: clock.clock, randomness: SeededRandomness(seed: seed).randomness, logger: logs.logger)
        var options = Engine.Options(issuer: Self.issuer)
        options.audience = audience
        options.policy = policy
        options.sessionsPerUser = sessionsPerUser
        if let schedule { options.schedule = schedule }
        options.passwordRules = rules
        options.isRegistrationOpen = isRegistrationOpen
        engine = try await Engine(environment, passwords: hasher, options)
        try await engine.prepare()
    }

    /// Another process over the same database, at the same time.
    func restarted(secrets: MasterSecrets? = nil, policy: RotationPolicy = .init()) async throws -> Server {
        try await Server(
            secrets: secrets, policy: policy, clock: clock, store: store, hasher: hasher, logs: logs, seed: 2)
    }

    static func credentials(_ name: String, _ password: String = password, device: String = "laptop") throws
        -> Credentials
    {
        Credentials(
            identifier: try Identifier(name).orThrow(), password: try Password(password).orThrow(), device: device)
    }

    @discardableResult
    func register(_ name: String = "ana", delivery: Delivery = .body) async throws -> TokenGrant {
        try await accounts.register(try Self.credentials(name), origin: Self.home, delivery: delivery)
    }

    @discardableResult
    func login(
        _ name: String = "ana", _ password: String = password, from origin: Origin = home
    ) async throws -> TokenGrant {
        try await accounts.login(try Self.credentials(name, password), origin: origin, delivery: .body)
    }

    @discardableResult
    func refresh(
        _ token: String, as attempt: String? = nil, delivery: Delivery = .body, from origin: Origin = home
    ) async throws -> TokenGrant {
        try await sessions.refresh(
            PresentedToken(refreshToken: token, delivery: delivery, attempt: try Self.attempt(attempt), origin: origin))
    }

    static func attempt(_ name: String?) throws -> AttemptName? {
        try name.map { try AttemptName("a-client's-attempt-\($0.replacing(" ", with: "-"))").orThrow() }
    }

    func stepUp(_ token: String, as attempt: String?) throws -> PresentedToken {
        PresentedToken(
            refreshToken: token, delivery: .body, attempt: try Self.attempt(attempt), origin: Self.home)
    }

    /// Sets a new password.
    @discardableResult
    func change(
        _ token: String, from current: String = password, to new: String = newPassword, as attempt: String?
    ) async throws -> TokenGrant {
        try await accounts.changePassword(
            try stepUp(token, as: attempt), current: try Password(current).orThrow(), new: try Password(new).orThrow())
    }

    @discardableResult
    func reauthenticate(_ token: String, _ password: String = password, as attempt: String?) async throws -> TokenGrant
    {
        try await accounts.reauthenticate(try stepUp(token, as: attempt), password: try Password(password).orThrow())
    }

    func administer(_ name: String = "ana", _ change: (inout UserChange) -> Void) async throws {
        var userChange = UserChange(at: clock.now)
        change(&userChange)
        _ = try await accounts.administer(try Identifier(name).orThrow(), userChange)
    }

    /// A whole round of housekeeping.
    func keepHouse(eventRetention: Int64 = 86400) async throws {
        try await engine.housekeeping.keepHouse(eventRetention: eventRetention)
    }

    /// All rows, so that a test can put back what was: a backup.
    var rows: MemoryStore.Tables? {
        get { (store.base as? MemoryStore)?.rows }
        nonmutating set { if let newValue { (store.base as? MemoryStore)?.rows = newValue } }
    }

    func claims(_ grant: TokenGrant) async throws -> AccessTokenClaims {
        try await engine.accessTokens.validate(grant.accessToken)
    }

    func row(_ grant: TokenGrant) async throws -> Session { try await store.base.session(grant.session.id).orThrow() }

    func events(_ kinds: Event.Kind...) async throws -> [Event] {
        let kinds = kinds.isEmpty ? Set(Event.Kind.allCases) : Set(kinds)
        return try await store.base.events(since: UnixTime(seconds: 0), kinds: kinds, limit: 100_000)
    }
}

extension TokenGrant {
    /// The refresh token's parts.
    func token(_ secrets: MasterSecrets) throws -> RefreshToken {
        try RefreshToken(authenticating: refreshToken, with: secrets).orThrow()
    }
}
