/// What came with a request: an authentic refresh token, and how, when and from where it was presented.
package struct Presentation: Sendable {
    package let sessionID: SessionID
    package let generation: UInt32
    package let hash: [UInt8]
    package let issuedAt: UnixTime
    /// Whether the master secret that vouches for the token is known to have leaked.
    package let isDistrusted: Bool
    package let attempt: AttemptDigest?
    package let delivery: Delivery
    package let now: UnixTime
    package let origin: Origin
    package let kind: TurnKind

    package init(
        sessionID: SessionID, generation: UInt32, hash: [UInt8], issuedAt: UnixTime, isDistrusted: Bool,
        attempt: AttemptDigest?, delivery: Delivery, now: UnixTime, origin: Origin, kind: TurnKind = .refresh
    ) {
        self.sessionID = sessionID
        self.generation = generation
        self.hash = hash
        self.issuedAt = issuedAt
        self.isDistrusted = isDistrusted
        self.attempt = attempt
        self.delivery = delivery
        self.now = now
        self.origin = origin
        self.kind = kind
    }
}

/// What a turn does beside turning. A retry is answered as done only by the kind of turn that did it.
package enum TurnKind: String, Sendable, CaseIterable {
    case refresh
    case stepUp = "step_up"
    case newPassword = "new_password"
}
