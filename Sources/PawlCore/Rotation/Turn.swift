/// One try to turn a session: what was presented, and what the row becomes if it succeeds. The successor is made and
/// sealed before the store is called, so that one statement can write it.
package struct Turn: Sendable {
    package let presentation: Presentation
    package let successor: Successor
    /// What a step-up brings; nil for a refresh.
    package let stepUp: StepUp?

    package init(_ presentation: Presentation, to successor: Successor, stepUp: StepUp? = nil) {
        self.presentation = presentation
        self.successor = successor
        self.stepUp = stepUp
    }

    /// Whether this is a step-up whose password nobody has checked, because the session could not turn when it was
    /// looked at. It is judged like any other turn, but turns nothing.
    package var isUnproven: Bool { presentation.kind != .refresh && stepUp == nil }
}

/// What is written if the session turns: the next token, by its hash, and sealed for the holder of the presented one.
package struct Successor: Sendable {
    package let hash: [UInt8]
    package let seal: [UInt8]
    /// The attempt's name under the successor's secret. The row knows the attempt by it when the successor is presented.
    package let attempt: AttemptDigest?
    /// The new idle expiry. The absolute expiry is fixed in the row.
    package let idleExpiry: UnixTime

    package init(hash: [UInt8], seal: [UInt8], attempt: AttemptDigest?, idleExpiry: UnixTime) {
        self.hash = hash
        self.seal = seal
        self.attempt = attempt
        self.idleExpiry = idleExpiry
    }
}

/// A fresh proof of identity, and what it allows: done in the transaction of the turn that brings it.
package struct StepUp: Sendable {
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
