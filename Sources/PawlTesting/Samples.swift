package import PawlCore

/// Rows for tests of stores. Hashes and seals are any bytes here: stores compare and keep them, and understand nothing.
package enum Sample {
    package static let start = UnixTime(seconds: 1_800_000_000)
    package static let idle: Int64 = 7 * 86400
    package static let absolute: Int64 = 30 * 86400
    package static let origin = Origin(address: "192.0.2.7", userAgent: "Sample/1")
    package static let otherOrigin = Origin(address: "198.51.100.9", userAgent: "Other/2")

    /// Thirty-two bytes that differ for different numbers.
    package static func bytes(_ number: UInt64, count: Int = 32) -> [UInt8] {
        var generator = SplitMix64(seed: number)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    package static func user(
        _ name: String, version: Int64 = 1, isDisabled: Bool = false, roles: [String] = ["member"],
        scope: [String] = ["read"]
    ) throws -> User {
        User(
            id: try SubjectID(bytes: Array(bytes(hash(of: name)).prefix(16))).orThrow(),
            identifier: try Identifier(name).orThrow(), createdAt: start,
            password: SealedPassword(bytes: bytes(hash(of: name) &+ 1, count: 90)), version: version,
            isDisabled: isDisabled, roles: roles, scope: scope)
    }

    /// A session that has turned three times, the last time by an attempt with a name.
    package static func session(of user: User, _ number: UInt64, delivery: Delivery = .body) throws -> Session {
        let id = try SessionID(bytes: Array(user.id.bytes.prefix(8)) + bigEndian(number, count: 8)).orThrow()
        return Session(
            id: id, subject: user.id, clientID: "first-party", delivery: delivery, createdAt: start,
            deadlines: .init(absolute: start + absolute, idle: start + idle),
            proof: .init(time: start, methods: ["pwd"]), scope: user.scope, roles: user.roles,
            device: "device \(number)", origin: origin,
            chain: .init(
                generation: 3, hash: bytes(number), seal: bytes(number &+ 1000, count: 66),
                attempts: [AttemptDigest(value: 7), nil, AttemptDigest(value: 9), nil],
                currentAttempt: AttemptDigest(value: nextName(7)), rotatedAt: start))
    }

    /// What the name of an attempt is under the secret of the successor, as far as stores can tell.
    package static func nextName(_ name: UInt64) -> UInt64 { ~name }

    /// A loss of the ten seconds from the start on, met at the end of them.
    package static func incident(openedAt: UnixTime? = nil) -> Incident {
        Incident(number: 1, detectedAt: start + 10, lost: start...start + 10, openedAt: openedAt)
    }

    package static func throttleKeys(_ identifier: String, _ address: String) throws -> ThrottleKeys {
        ThrottleKeys(identifier: try Identifier(identifier).orThrow(), address: address, secrets: try secrets())
    }

    package static func registrationKeys(_ address: String) throws -> ThrottleKeys {
        ThrottleKeys(registrationFrom: address, secrets: try secrets())
    }

    private static func secrets() throws -> MasterSecrets {
        try MasterSecrets(newestFirst: [try MasterSecret(Secret(bytes(1))).orThrow()])
    }

    package static func started(_ session: Session) -> Event {
        Event(.sessionStarted, at: session.createdAt, subject: session.subject, session: session.id, origin: origin)
    }

    private static func hash(of name: String) -> UInt64 {
        name.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }  // FNV-1a
    }
}

/// A turn under construction: by default the one that presents a session's current token, a minute after the last.
package struct TurnSample {
    package var sessionID: SessionID
    package var generation: UInt32
    package var hash: [UInt8]
    package var issuedAt: UnixTime
    package var isDistrusted = false
    package var attempt: UInt64?
    package var delivery: Delivery
    package var successor: UInt64
    package var now: UnixTime
    package var origin = Sample.origin
    /// What the turn is for, if a step-up does not say so.
    package var kind = TurnKind.refresh
    package var stepUp: StepUp?

    package init(of session: Session, successor: UInt64 = 77) {
        sessionID = session.id
        generation = session.chain.generation
        hash = session.chain.hash
        issuedAt = session.chain.rotatedAt
        delivery = session.delivery
        now = session.chain.rotatedAt + 60
        self.successor = successor
    }

    package func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }

    package var turn: Turn {
        Turn(
            Presentation(
                sessionID: sessionID, generation: generation, hash: hash, issuedAt: issuedAt,
                isDistrusted: isDistrusted, attempt: attempt.map { AttemptDigest(value: $0) }, delivery: delivery,
                now: now, origin: origin,
                kind: stepUp.map { $0.newPassword == nil ? .stepUp : .newPassword } ?? kind),
            to: Successor(
                hash: Sample.bytes(successor), seal: Sample.bytes(successor &+ 1, count: 66),
                attempt: attempt.map { AttemptDigest(value: Sample.nextName($0)) }, idleExpiry: now + Sample.idle),
            stepUp: stepUp)
    }
}

/// A sample is not what its maker took it for.
struct BadSample: Error {}

extension Optional {
    package func orThrow() throws -> Wrapped {
        guard let self else { throw BadSample() }
        return self
    }
}
