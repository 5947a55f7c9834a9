/// One sign-in on one device: the family of all refresh tokens that descend from it. A row of constant size.
package struct Session: Sendable, Equatable {
    package let id: SessionID
    package let subject: SubjectID
    /// `first-party` for Pawl's own logins.
    package let clientID: String
    /// How the refresh token travels, for the whole life of the session.
    package let delivery: Delivery
    package let createdAt: UnixTime
    /// The end that no activity moves (OWASP ASVS 10.4.8).
    package let absoluteExpiry: UnixTime

    /// When and how the subject last proved who they are. A refresh is no proof (NIST SP 800-63B §5.2).
    package var authTime: UnixTime
    package var authMethods: [String]
    /// Copied from the user at sign-in, and updated together with them.
    package var scope: [String]
    package var roles: [String]

    /// What the user calls the device; at most 48 bytes.
    package var device: String
    /// Where the current token was issued to.
    package var origin: Origin

    package var generation: UInt32
    /// SHA-256 of the current token's secret; empty once the session has ended.
    package var hash: [UInt8]
    /// The current token for the holder of its predecessor; empty before the first turn, and once ended.
    package var seal: [UInt8]
    /// The names of the last rotations, newest first; nil for one that had none.
    package var attempts: [AttemptDigest?]
    /// The name of the last of them once more, to be checked when the current token comes; nil before the first turn,
    /// and once ended.
    package var currentAttempt: AttemptDigest?
    package var rotatedAt: UnixTime
    /// What the last turn did.
    package var turnedBy: TurnKind
    package var idleExpiry: UnixTime
    /// Wrong passwords given in this session since the last right one.
    package var stepUpFailures: Int
    /// When it last went on from a token that the database had lost.
    package var recoveredAt: UnixTime?

    package var ending: Ending?

    package struct Ending: Sendable, Equatable {
        package let at: UnixTime
        package let reason: EndReason

        package init(at: UnixTime, reason: EndReason) {
            self.at = at
            self.reason = reason
        }
    }

    /// How many rotations' names are remembered.
    package static let rememberedAttempts = 4
    private static let deviceLength = 48

    /// What a device is called if its user calls it `name`: without characters that hide or turn what is beside them, cut
    /// to 48 bytes. Empty if nothing is left that can be seen.
    package static func deviceName(_ name: String) -> String { name.displayable.cut(toBytes: deviceLength).displayable }

    package init(
        id: SessionID, subject: SubjectID, clientID: String, delivery: Delivery, createdAt: UnixTime,
        absoluteExpiry: UnixTime, authTime: UnixTime, authMethods: [String], scope: [String], roles: [String],
        device: String, origin: Origin, generation: UInt32, hash: [UInt8], seal: [UInt8], attempts: [AttemptDigest?],
        rotatedAt: UnixTime, idleExpiry: UnixTime, stepUpFailures: Int, ending: Ending?,
        turnedBy: TurnKind = .refresh, recoveredAt: UnixTime? = nil, currentAttempt: AttemptDigest? = nil
    ) {
        self.id = id
        self.subject = subject
        self.clientID = clientID
        self.delivery = delivery
        self.createdAt = createdAt
        self.absoluteExpiry = absoluteExpiry
        self.authTime = authTime
        self.authMethods = authMethods
        self.scope = scope
        self.roles = roles
        self.device = device
        self.origin = origin
        self.generation = generation
        self.hash = hash
        self.seal = seal
        self.attempts = attempts
        self.currentAttempt = currentAttempt
        self.rotatedAt = rotatedAt
        self.turnedBy = turnedBy
        self.idleExpiry = idleExpiry
        self.stepUpFailures = stepUpFailures
        self.recoveredAt = recoveredAt
        self.ending = ending
    }

    /// When the user was last active here, which a refresh shows.
    package var lastUsedAt: UnixTime { rotatedAt }
    /// When the session ends if nobody refreshes it.
    package var expiresAt: UnixTime { min(idleExpiry, absoluteExpiry) }

    /// Whether it was over, one way or the other, before `cutoff`.
    package func isOver(before cutoff: UnixTime) -> Bool { min(ending?.at ?? expiresAt, expiresAt) < cutoff }

    package func isLive(at now: UnixTime) -> Bool { ending == nil && now < expiresAt }

    /// Whether it can be ended. That nobody refreshed it is no end: in a database that has lost writes the row may not
    /// know better, and a recovery would bring it back.
    package func canEnd(at now: UnixTime) -> Bool { ending == nil && now < absoluteExpiry }

    /// The session after `turn`. Stores that turn it in one statement write the same.
    package func turned(by turn: Turn) -> Self {
        var next = self
        next.generation += 1  // the policy lets no session turn at the last number
        next.hash = turn.successor.hash
        next.seal = turn.successor.seal
        next.attempts = Array(([turn.presentation.attempt] + attempts).prefix(Self.rememberedAttempts))
        next.currentAttempt = turn.successor.attempt
        next.rotatedAt = turn.presentation.now
        next.turnedBy = turn.presentation.kind
        next.idleExpiry = turn.successor.idleExpiry
        next.origin = turn.presentation.origin
        if let stepUp = turn.stepUp {
            next.authTime = turn.presentation.now
            next.authMethods = stepUp.authMethods
            next.stepUpFailures = 0
        }
        return next
    }

    /// The session after `turn` moved it on from a token of a lost history. Which attempts spent the tokens before is
    /// lost as well.
    package func recovered(by turn: Turn, at now: UnixTime) -> Self {
        var next = self
        next.generation = turn.presentation.generation
        next.attempts = Array(repeating: nil, count: Self.rememberedAttempts)
        next.recoveredAt = now
        return next.turned(by: turn)
    }

    /// The session after its end: nothing is kept that a token could be checked against or made from.
    package func ended(at now: UnixTime, reason: EndReason) -> Self {
        var end = self
        end.hash = []
        end.seal = []
        end.attempts = Array(repeating: nil, count: Self.rememberedAttempts)
        end.currentAttempt = nil
        end.ending = Ending(at: now, reason: reason)
        return end
    }
}

/// Why a refresh token is good for nothing any more; the words on the wire.
package enum EndReason: String, Sendable, CaseIterable {
    case expired
    case signedOut = "signed_out"
    case reused
    case revoked
    case lost
    /// The session lives, but has turned since, and this token is too old to go on with. No session ends for this.
    case stale
}

/// How a session's refresh token travels.
package enum Delivery: String, Sendable, CaseIterable {
    /// In JSON bodies.
    case body
    /// In an httpOnly cookie.
    case cookie
}

/// Where a request came from, as evidence, never as a credential.
package struct Origin: Sendable, Hashable {
    /// The client's IP address, behind trusted proxies the one they name.
    package let address: String
    /// The first 64 bytes of `User-Agent`, without characters that hide or turn what is beside them.
    package let userAgent: String

    static let userAgentLength = 64

    package init(address: String, userAgent: String) {
        self.address = address
        self.userAgent = userAgent.cut(toBytes: Self.userAgentLength).displayable
    }
}

extension String {
    /// As many whole characters from the start as fit in `count` bytes of UTF-8.
    func cut(toBytes count: Int) -> String {
        guard utf8.count > count else { return self }
        var length = 0
        return String(
            prefix { character in
                length += character.utf8.count
                return length <= count
            })
    }
}
