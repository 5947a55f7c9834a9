/// One sign-in on one device: the family of all refresh tokens that descend from it. A row of constant size.
package struct Session: Sendable, Equatable {
    package let id: SessionID
    package let subject: SubjectID
    /// `first-party` for Pawl's own logins.
    package let clientID: String
    /// How the refresh token travels, for the whole life of the session.
    package var delivery: Delivery
    package var createdAt: UnixTime
    package var deadlines: Deadlines

    package var proof: Proof
    /// Copied from the user at sign-in, and updated together with them.
    package var scope: [String]
    package var roles: [String]

    /// What the user calls the device; at most 48 bytes.
    package var device: String
    /// Where the current token was issued to.
    package var origin: Origin

    package var chain: Chain
    /// Wrong passwords given in this session since the last right one.
    package var stepUpFailures: Int

    package var ending: Ending?

    /// When the session ends by itself.
    package struct Deadlines: Sendable, Equatable {
        /// The end that no activity moves (OWASP ASVS 10.4.8).
        package var absolute: UnixTime
        /// The end if nobody refreshes it.
        package var idle: UnixTime

        package init(absolute: UnixTime, idle: UnixTime) {
            self.absolute = absolute
            self.idle = idle
        }
    }

    /// When and how the subject last proved who they are. A refresh is no proof (NIST SP 800-63B §5.2).
    package struct Proof: Sendable, Equatable {
        package var time: UnixTime
        /// As in `amr` (RFC 8176).
        package var methods: [String]

        package init(time: UnixTime, methods: [String]) {
            self.time = time
            self.methods = methods
        }
    }

    /// The current refresh token, and what is remembered of those before it.
    package struct Chain: Sendable, Equatable {
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
        /// When it last went on from a token that the database had lost.
        package var recoveredAt: UnixTime?

        /// How many rotations' names are remembered.
        package static let rememberedAttempts = 4
        package static let noAttempts = [AttemptDigest?](repeating: nil, count: rememberedAttempts)

        package init(
            generation: UInt32 = 0, hash: [UInt8], seal: [UInt8] = [], attempts: [AttemptDigest?] = noAttempts,
            currentAttempt: AttemptDigest? = nil, rotatedAt: UnixTime, turnedBy: TurnKind = .refresh,
            recoveredAt: UnixTime? = nil
        ) {
            self.generation = generation
            self.hash = hash
            self.seal = seal
            self.attempts = attempts
            self.currentAttempt = currentAttempt
            self.rotatedAt = rotatedAt
            self.turnedBy = turnedBy
            self.recoveredAt = recoveredAt
        }

        fileprivate mutating func turn(by turn: Turn) {
            generation += 1  // the policy lets no session turn at the last number
            hash = turn.successor.hash
            seal = turn.successor.seal
            attempts = Array(([turn.presentation.attempt] + attempts).prefix(Self.rememberedAttempts))
            currentAttempt = turn.successor.attempt
            rotatedAt = turn.presentation.now
            turnedBy = turn.presentation.kind
        }

        /// Nothing is kept that a token could be checked against or made from.
        fileprivate mutating func erase() {
            hash = []
            seal = []
            attempts = Self.noAttempts
            currentAttempt = nil
        }
    }

    package struct Ending: Sendable, Equatable {
        package let at: UnixTime
        package let reason: EndReason

        package init(at: UnixTime, reason: EndReason) {
            self.at = at
            self.reason = reason
        }
    }

    private static let deviceLength = 48

    /// What a device is called if its user calls it `name`: without characters that hide or turn what is beside them, cut
    /// to 48 bytes. Empty if nothing is left that can be seen.
    package static func deviceName(_ name: String) -> String { name.displayable.cut(toBytes: deviceLength).displayable }

    package init(
        id: SessionID, subject: SubjectID, clientID: String, delivery: Delivery, createdAt: UnixTime,
        deadlines: Deadlines, proof: Proof, scope: [String], roles: [String], device: String, origin: Origin,
        chain: Chain, stepUpFailures: Int = 0, ending: Ending? = nil
    ) {
        self.id = id
        self.subject = subject
        self.clientID = clientID
        self.delivery = delivery
        self.createdAt = createdAt
        self.deadlines = deadlines
        self.proof = proof
        self.scope = scope
        self.roles = roles
        self.device = device
        self.origin = origin
        self.chain = chain
        self.stepUpFailures = stepUpFailures
        self.ending = ending
    }

    /// When the user was last active here, which a refresh shows.
    package var lastUsedAt: UnixTime { chain.rotatedAt }
    /// When the session ends if nobody refreshes it.
    package var expiresAt: UnixTime { min(deadlines.idle, deadlines.absolute) }

    /// Whether it was over, one way or the other, before `cutoff`.
    package func isOver(before cutoff: UnixTime) -> Bool { min(ending?.at ?? expiresAt, expiresAt) < cutoff }

    package func isLive(at now: UnixTime) -> Bool { ending == nil && now < expiresAt }

    /// Whether it can be ended. That nobody refreshed it is no end: in a database that has lost writes the row may not
    /// know better, and a recovery would bring it back.
    package func canEnd(at now: UnixTime) -> Bool { ending == nil && now < deadlines.absolute }

    /// The session after `turn`. Stores that turn it in one statement write the same.
    package func turned(by turn: Turn) -> Self {
        var next = self
        next.chain.turn(by: turn)
        next.deadlines.idle = turn.successor.idleExpiry
        next.origin = turn.presentation.origin
        if let stepUp = turn.stepUp {
            next.proof = Proof(time: turn.presentation.now, methods: stepUp.authMethods)
            next.stepUpFailures = 0
        }
        return next
    }

    /// The session after `turn` moved it on from a token of a lost history. Which attempts spent the tokens before is
    /// lost as well.
    package func recovered(by turn: Turn, at now: UnixTime) -> Self {
        var next = self
        next.chain.generation = turn.presentation.generation
        next.chain.attempts = Chain.noAttempts
        next.chain.recoveredAt = now
        return next.turned(by: turn)
    }

    /// The session after its end.
    package func ended(at now: UnixTime, reason: EndReason) -> Self {
        var end = self
        end.chain.erase()
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
