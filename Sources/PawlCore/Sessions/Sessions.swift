import Logging

/// Starts, turns and ends sessions: one use case a file. ``RotationPolicy`` decides, the store makes it atomic.
package final class Sessions: Sendable {
    let environment: PawlEnvironment
    let policy: RotationPolicy
    let dataLoss: DataLoss
    let issuer: AccessTokenIssuer
    /// How many sessions of a user there are at once.
    let limit: Int

    /// The policy, with the spans in which nobody could come.
    var policyNow: RotationPolicy {
        var policy = self.policy
        policy.absences = environment.absences.spans
        return policy
    }

    var store: any Store { environment.store }
    var clock: WallClock { environment.clock }
    var randomness: Randomness { environment.randomness }
    var metrics: PawlMetrics { environment.metrics }
    var logger: Logger { environment.logger }
    var ended: EndedSessions { environment.ended }
    var settings: LiveSettings { environment.settings.now }

    /// - Parameter limit: how many sessions a user has, at least 1. A sign-in above it ends the least recently used.
    init(
        _ environment: PawlEnvironment, policy: RotationPolicy, dataLoss: DataLoss, issuer: AccessTokenIssuer,
        limit: Int
    ) {
        self.environment = environment
        self.policy = policy
        self.dataLoss = dataLoss
        self.issuer = issuer
        self.limit = max(1, limit)
    }

    /// The answer to a good login or refresh.
    func grant(
        _ session: Session, _ token: RefreshToken, isReplay: Bool = false, at now: UnixTime,
        under settings: LiveSettings
    ) throws(SessionError) -> TokenGrant {
        guard let text = token.text(with: settings.secrets) else {
            logger.error("A live refresh token was made by a master secret that is no longer configured")
            throw .unavailable
        }
        do {
            let (accessToken, lifetime) = try issuer.issue(
                for: session, at: now, lifetime: settings.lifetimes.access)
            return TokenGrant(
                accessToken: accessToken, accessLifetime: lifetime, refreshToken: text,
                refreshTimeout: session.expiresAt.age(since: now),
                authorizationExpiresIn: session.deadlines.absolute.age(since: now), session: session, isReplay: isReplay
            )
        } catch {
            // After the commit: the client's retry is a replay.
            logger.error("Signing an access token failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(SessionError) -> Value {
        try await environment.stored(work)
    }
}
