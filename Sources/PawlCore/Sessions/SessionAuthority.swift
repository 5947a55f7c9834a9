public import Logging
import PawlJWT

/// Starts, turns and ends sessions: one use case a file. Decisions are ``RotationPolicy``'s, atomicity is the store's.
public final class SessionAuthority: Sendable {
    let store: any PawlStore
    private let box: InForce.Box
    let recovery: Recovery
    let issuer: AccessTokenIssuer
    let verifier: AccessTokenVerifier
    public let keys: KeyRing
    let dead = DeadList()
    /// How many sessions of a user there are at once.
    let sessionsPerUser: Int
    let clock: Clock
    let housekeepingPace: HousekeepingPace
    let randomness: Randomness
    let metrics: PawlMetrics
    let logger: Logger

    /// How long things live, in seconds.
    public struct Lifetimes: Sendable, Equatable {
        /// An access token (RFC 9700 §2.3 wants it short).
        public var access: Int64
        /// The longest that an access token may live; guards refuse a token that says it lives longer. Signing keys are
        /// kept and ended sessions remembered for it, because tokens outlive a change of the setting.
        public static let longestAccess = AccessTokenVerifier.longestLifetime
        /// A session that nobody refreshes.
        public var idle: Int64
        /// A session at all.
        public var absolute: Int64

        public init(access: Int64 = 15 * 60, idle: Int64 = 7 * 86400, absolute: Int64 = 30 * 86400) {
            self.access = access
            self.idle = idle
            self.absolute = absolute
        }
    }

    var policy: RotationPolicy { recovery.policy }

    /// The master secrets and lifetimes of this moment.
    public var inForce: InForce { box.now }

    /// - Parameters:
    ///   - issuer: what access tokens name as `iss`: this server's public URL.
    ///   - audience: the APIs that they name as `aud`, after the issuer.
    ///   - sessionsPerUser: how many a user has at most, at least 1; a sign-in above it ends the least recently used.
    ///   - clock: the time to go by, for tests; the store's own if nil (``PawlStore/clock``).
    public init(
        store: any PawlStore, secrets: MasterSecrets, issuer: String, audience: [String] = [],
        policy: RotationPolicy = .init(), lifetimes: Lifetimes = .init(), sessionsPerUser: Int = 100,
        schedule: KeySchedule? = nil,
        clock: Clock? = nil, randomness: Randomness = .system,
        metrics: PawlMetrics = .init(), logger: Logger
    ) {
        self.store = store
        box = InForce.Box(InForce(secrets: secrets, lifetimes: lifetimes))
        recovery = Recovery(policy)
        self.sessionsPerUser = max(1, sessionsPerUser)
        let clock = clock ?? store.clock
        self.clock = clock
        housekeepingPace = HousekeepingPace(since: clock.uptime)
        self.randomness = randomness
        self.metrics = metrics
        self.logger = logger
        keys = KeyRing(
            store: store, inForce: box, schedule: schedule ?? KeySchedule(accessLifetime: Lifetimes.longestAccess),
            clock: clock, randomness: randomness, logger: logger)
        self.issuer = AccessTokenIssuer(
            issuer: issuer, audience: audience, keys: keys, randomness: randomness)
        verifier = AccessTokenVerifier(issuer: issuer, audience: issuer, skew: 2)
    }

    /// Makes ready: opens or makes the signing keys, learns what the database has lost, and which sessions ended while
    /// their access tokens live on.
    public func prepare() async throws {
        try await refreshKeys()
        try await followRecovery()
        try await learnEnded(inLast: Lifetimes.longestAccess)
        do {
            try await beat()
        } catch {
            // Sessions can be served from a full disk. The gap that this start makes is seen by the next beat as well.
            logger.error(
                "No sign of life was left in the database; this is tried again", metadata: ["error": "\(error)"])
        }
    }

    /// Learns which sessions other nodes have ended, so that their access tokens are refused here too; call it every
    /// second or so.
    package func followEnded() async throws(StoreError) {
        // Clocks differ a little, and commits take a moment; what is known already is no new.
        try await learnEnded(inLast: 15)
    }

    /// Fills the dead list from the record of what happened in the last `seconds`.
    func learnEnded(inLast seconds: Int64) async throws(StoreError) {
        let ended = try await store.events(
            since: clock.now - seconds, kinds: [.sessionEnded, .sessionReused], limit: 100_000)
        for event in ended {
            guard let session = event.session else { continue }
            dead.insert(
                session,
                event.kind == .sessionReused ? .reused : EndReason(rawValue: event.details["reason"] ?? "") ?? .revoked,
                of: event.subject)
        }
    }

    /// Follows the schedule of the signing keys; call it every minute or so.
    public func refreshKeys() async throws {
        try await keys.refresh()
        metrics.setKeyAge(keys.signingKeyAge(at: clock.now))
    }

    /// Puts other master secrets and lifetimes in force. Signing keys are sealed anew at once, by the newest secret.
    /// - Throws: and nothing changes, if no signing key opens with the new secrets, or the store is away.
    public func reload(_ next: InForce) async throws {
        try await keys.check(next.secrets)
        box.now = next
        do {
            try await refreshKeys()
        } catch {
            logger.error(
                "Signing keys were not sealed anew; this is tried again every minute", metadata: ["error": "\(error)"])
        }
    }

    /// The answer to a good login or refresh.
    func grant(
        _ session: Session, _ token: RefreshToken, isReplay: Bool = false, at now: UnixTime, under inForce: InForce
    ) throws(SessionError) -> TokenGrant {
        guard let text = token.text(with: inForce.secrets) else {
            logger.error("A live refresh token was made by a master secret that is no longer configured")
            throw .unavailable
        }
        do {
            let (accessToken, lifetime) = try issuer.issue(
                for: session, at: now, lifetime: inForce.lifetimes.access)
            return TokenGrant(
                accessToken: accessToken, accessLifetime: lifetime, refreshToken: text,
                refreshTimeout: session.expiresAt.age(since: now),
                authorizationExpiresIn: session.absoluteExpiry.age(since: now), session: session, isReplay: isReplay)
        } catch {
            // After the commit: the client's retry is a replay.
            logger.error("Signing an access token failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    /// Runs a store's function; its failure is 503 for the client and a line in the log.
    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(SessionError) -> Value {
        do {
            return try await work()
        } catch {
            logger.error("The store failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    /// Remembers ended sessions, after their commit, and logs it; for reuse there is a line of its own.
    /// - Parameter subject: whose they are; nil if they are of several.
    func bury(_ ids: [SessionID], _ reason: EndReason, of subject: SubjectID?) {
        metrics.countEnded(reason, ids.count)
        for id in ids {
            dead.insert(id, reason, of: subject)
            guard reason != .reused else { continue }
            logger.tell(
                Event(.sessionEnded, at: clock.now, session: id, details: ["reason": reason.rawValue]))
        }
    }
}

/// What a client gets for signing in or refreshing. Holds credentials: for the answer alone.
public struct TokenGrant: Sendable {
    public let accessToken: String
    /// Seconds.
    public let accessLifetime: Int64
    public let refreshToken: String
    /// Seconds until the session ends if it is not refreshed.
    public let refreshTimeout: Int64
    /// Seconds until the session ends at all.
    public let authorizationExpiresIn: Int64
    public let session: Session
    /// Whether an earlier request of the same attempt, or a racing one, got the same refresh token.
    package let isReplay: Bool
}

extension TokenGrant: CustomStringConvertible, CustomReflectable {
    /// Without the credentials, wherever it is printed.
    public var description: String { "TokenGrant of session \(session.id)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
