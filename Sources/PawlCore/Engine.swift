import Logging

/// The core, composed: everything that a session server does, over one ``PawlEnvironment``.
package final class Engine: Sendable {
    package let environment: PawlEnvironment
    package let keys: Keys
    package let sessions: Sessions
    package let accounts: Accounts
    package let dataLoss: DataLoss
    package let events: EventLog
    /// Checks access tokens with the keys at hand, and refuses those of ended sessions at once.
    package let accessTokens: AccessTokens
    package let revocations: Revocations
    package let housekeeping: Housekeeping

    /// - Throws: ``KeysError`` if the stored keys cannot be opened, `StoreError` if the store is away.
    package init(_ environment: PawlEnvironment, passwords: any PasswordHasher, _ options: Options) async throws {
        self.environment = environment
        keys = Keys(environment, schedule: options.schedule)
        try await keys.check()
        revocations = Revocations(environment)
        dataLoss = DataLoss(environment: environment, revocations: revocations)
        sessions = Sessions(
            environment, policy: options.policy, dataLoss: dataLoss,
            issuer: AccessTokenIssuer(
                issuer: options.issuer, audience: options.audience, keys: keys, randomness: environment.randomness),
            limit: options.sessionsPerUser)
        accounts = Accounts(
            sessions: sessions, hasher: passwords, rules: options.passwordRules,
            isRegistrationOpen: options.isRegistrationOpen, throttle: options.throttle)
        events = EventLog(environment: environment)
        accessTokens = AccessTokens(environment, issuer: options.issuer, keys: keys)
        housekeeping = Housekeeping(environment, dataLoss: dataLoss)
    }

    package struct Options: Sendable {
        /// What access tokens name as `iss`: this server's public URL.
        package var issuer: String
        /// The APIs that access tokens name as `aud`, after the issuer.
        package var audience: [String] = []
        package var policy = RotationPolicy()
        /// How many sessions a user has at most.
        package var sessionsPerUser = 100
        package var schedule = KeySchedule(accessLifetime: Lifetimes.longestAccess)
        package var passwordRules = PasswordRules()
        package var isRegistrationOpen = false
        package var throttle = LoginThrottle()

        package init(issuer: String) { self.issuer = issuer }
    }

    /// Makes ready: opens or makes the signing keys, learns what the database has lost, and which sessions ended while
    /// their access tokens live on.
    package func prepare() async throws {
        try await accounts.prepare()
        try await keys.refresh()
        let now = environment.clock.now
        // By the sign of life that was there before this server leaves its own.
        if let sign = try await environment.store.dataLossRecord().heartbeat, sign + 2 * DataLoss.pulse < now {
            environment.absences.add(sign...now)
        }
        try await dataLoss.follow()
        try await revocations.load()
        do {
            try await dataLoss.recordHeartbeat()
        } catch {
            // Sessions can be served from a full disk. The gap that this start makes is seen by the next heartbeat as well.
            environment.logger.error(
                "No heartbeat was written to the database; this is tried again", metadata: ["error": "\(error)"])
        }
    }

    /// Settles the turns whose outcome this server could not learn; call it every second or so.
    package func settleUnknownOutcomes() async {
        await environment.store.settleUnknownOutcomes(at: environment.clock.now)
    }

    /// The settings of this moment.
    package var settings: LiveSettings { environment.settings.now }

    /// Puts other master secrets and lifetimes in force. Signing keys are sealed anew at once, by the newest secret.
    /// - Throws: and nothing changes, if no signing key opens with the new secrets, or the store is away.
    package func reload(_ next: LiveSettings) async throws {
        try await keys.check(next.secrets)
        environment.settings.replace(by: next)
        do {
            try await keys.refresh()
        } catch {
            environment.logger.error(
                "Signing keys were not sealed anew; this is tried again every minute", metadata: ["error": "\(error)"])
        }
    }
}
