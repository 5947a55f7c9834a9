/// All that one try to turn a session brings: what was presented, and what the row becomes if it succeeds. The
/// successor is made and sealed before the store is called, so that one statement can write it.
public struct Turn: Sendable {
    package let sessionID: SessionID
    package let generation: UInt32
    package let hash: [UInt8]
    package let issuedAt: UnixTime
    /// Whether the master secret that vouches for the presented token is known to have leaked.
    package let isDistrusted: Bool
    package let attempt: AttemptDigest?
    /// The same attempt's name under the successor's secret, for the row to know it by when the successor comes.
    package let successorAttempt: AttemptDigest?
    package let delivery: Delivery

    package let successorHash: [UInt8]
    package let successorSeal: [UInt8]

    package let now: UnixTime
    /// The new end by idleness. The absolute end is the row's own affair.
    package let idleExpiry: UnixTime
    package let origin: Origin
    package let operation: Operation
    /// What a step-up brings; nil for a refresh.
    package let stepUp: StepUp?

    /// Whether this is a step-up whose password nobody has checked, because the session could not turn when it was
    /// looked at. It is judged like any other turn, but turns nothing.
    package var isUnproven: Bool { operation != .refresh && stepUp == nil }

    /// A turn that comes with a fresh proof of identity, done in one transaction with what it allows.
    public struct StepUp: Sendable {
        /// The user as they were when the password was checked. If they changed since, the turn is a conflict.
        package let userVersion: Int64
        package let authMethods: [String]
        /// The new password; setting it ends the subject's other sessions.
        package let newPassword: SealedPassword?

        package init(userVersion: Int64, authMethods: [String], newPassword: SealedPassword?) {
            self.userVersion = userVersion
            self.authMethods = authMethods
            self.newPassword = newPassword
        }
    }

    package init(
        sessionID: SessionID, generation: UInt32, hash: [UInt8], issuedAt: UnixTime, isDistrusted: Bool,
        attempt: AttemptDigest?, successorAttempt: AttemptDigest?, delivery: Delivery, successorHash: [UInt8],
        successorSeal: [UInt8], now: UnixTime, idleExpiry: UnixTime, origin: Origin, operation: Operation = .refresh,
        stepUp: StepUp? = nil
    ) {
        self.sessionID = sessionID
        self.generation = generation
        self.hash = hash
        self.issuedAt = issuedAt
        self.isDistrusted = isDistrusted
        self.attempt = attempt
        self.successorAttempt = successorAttempt
        self.delivery = delivery
        self.successorHash = successorHash
        self.successorSeal = successorSeal
        self.now = now
        self.idleExpiry = idleExpiry
        self.origin = origin
        self.operation = operation
        self.stepUp = stepUp
    }
}

/// What a turn did beside turning. A retry is answered as done only by the operation that did it.
package enum Operation: String, Sendable, CaseIterable {
    case refresh
    case stepUp = "step_up"
    case newPassword = "new_password"
}

/// What became of a turn.
public enum Verdict: Sendable, Hashable {
    /// The presented token was the current one and is now spent.
    case rotate
    /// A benign repeat: the same successor again.
    case replay
    /// The attempt that made the current token comes with that token, soon after: the same token again, and no turn.
    case steady
    /// Spent a moment ago by a differently named attempt: refused without alarm.
    case conflict
    /// An old token with the attempt that spent it: its holder is no thief, but has missed turns. The session lives.
    case stale
    /// Somebody else holds a copy.
    case reuse
    /// The token is authentic, but the database's history does not know it: the database has lost writes.
    case diverged
    /// The same, and nobody waits for it any more: the token comes to nothing.
    case lost
    case expired
    case revoked(EndReason)
    /// The session's token travels in another way than this one came.
    case wrongDelivery
    /// No turn of this server can have made it, or only a distrusted secret vouches for it.
    case invalid
}

/// A verdict, and the session's row afterwards.
public struct Outcome: Sendable {
    public let verdict: Verdict
    public let session: Session?
    /// The subject's other sessions that a new password ended.
    public let endedOthers: [SessionID]

    public init(_ verdict: Verdict, _ session: Session?, endedOthers: [SessionID] = []) {
        self.verdict = verdict
        self.session = session
        self.endedOthers = endedOthers
    }
}
