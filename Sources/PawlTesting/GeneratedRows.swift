package import PawlCore

/// Pairs of a session's row and a turn, over domains small enough that every case of the policy comes up: tokens from
/// two generations back to one ahead, the last number that there is, deadlines a second before, at and after the moment,
/// attempts that match or not.
package struct GeneratedRow: Sendable {
    package let session: Session
    package let turn: Turn
    package let policy: RotationPolicy
    package let losses: [Incident]

    /// So many pairs, the same for the same seed, each with a session of its own.
    package static func make(_ count: Int, seed: UInt64, for user: User) throws -> [Self] {
        var generator = SplitMix64(seed: seed)
        return try (0..<count).map { try Self(number: UInt64($0), for: user, &generator) }
    }

    private init(number: UInt64, for user: User, _ generator: inout SplitMix64) throws {
        let now = Sample.start + 1_000_000
        var session = try Sample.session(of: user, number)
        session.chain.generation = Self.pick(
            [2, 2, 3, 3, 4, 4, 5, 5, 2, 3, 4, 5, 2, 3, .max - 1, .max], &generator)
        let names: [AttemptDigest?] = [nil, AttemptDigest(value: 1), AttemptDigest(value: 2)]
        session.chain.attempts = (0..<Session.Chain.rememberedAttempts).map { _ in Self.pick(names, &generator) }
        session.chain.currentAttempt = Self.pick(names, &generator)
        session.chain.rotatedAt = now - Self.pick([-5, 0, 1, 29, 30, 31, 59, 60, 3600], &generator)
        // The usual first, so that not every row falls at the first hurdle.
        session.deadlines.idle = now + Self.pick([1000, 1000, 1000, 1000, -1, 0, 1], &generator)
        session.stepUpFailures = Self.pick([0, 4], &generator)
        session.origin = Self.pick([Sample.origin, Sample.otherOrigin], &generator)
        session = Self.moving(
            session, absoluteExpiry: now + Self.pick([2000, 2000, 2000, 2000, -1, 0, 1], &generator),
            delivery: Self.pick([.body, .body, .cookie], &generator))
        let ending: EndReason? = Self.pick(
            [nil, nil, nil, nil, nil, nil, nil, nil, nil, .signedOut, .reused, .revoked], &generator)
        let isCurrent = Self.pick([true, true, true, true, false], &generator)
        let hash = isCurrent ? session.chain.hash : Sample.bytes(number &+ 5000)
        session.chain.recoveredAt = Self.pick([nil, nil, now - 61, now - 60, now - 30], &generator)
        if let ending { session = session.ended(at: now - 10, reason: ending) }

        var sample = TurnSample(of: session, successor: number &+ 10_000)
        let step: Int64 = Self.pick([-2, -2, -1, -1, 0, 0, 0, 1], &generator)
        sample.generation = UInt32(truncatingIfNeeded: Int64(session.chain.generation) + step)
        sample.hash = hash
        sample.now = now
        sample.issuedAt = now - Self.pick([0, 100, 5000], &generator)
        sample.isDistrusted = Self.pick([false, false, false, true], &generator)
        sample.attempt = Self.pick([nil, nil, 1, 2, 3], &generator)
        sample.delivery = Self.pick([session.delivery, session.delivery, session.delivery, .body, .cookie], &generator)
        sample.origin = Self.pick([Sample.origin, Sample.otherOrigin], &generator)
        self.session = session
        turn = sample.turn
        policy = RotationPolicy(
            leeway: Self.pick([30, 30, 0], &generator), onReuse: Self.pick([.end, .report], &generator))
        losses = Self.pick([[], [], Self.incidents(at: now), Self.incidents(at: now)], &generator)
    }

    /// Losses of each state, so that each age of a token meets another one.
    private static func incidents(at now: UnixTime) -> [Incident] {
        [
            Incident(number: 1, detectedAt: now - 2 * 86400, lost: (now - 5000)...(now - 4000)),
            Incident(number: 2, detectedAt: now - 90, lost: (now - 200)...(now - 50), openedAt: now - 60),
            Incident(number: 3, detectedAt: now - 10, lost: (now - 20)...now),
        ]
    }

    private static func pick<Value>(_ values: [Value], _ generator: inout SplitMix64) -> Value {
        values[Int.random(in: values.indices, using: &generator)]
    }

    private static func moving(_ session: Session, absoluteExpiry: UnixTime, delivery: Delivery) -> Session {
        var moved = session
        moved.deadlines.absolute = absoluteExpiry
        moved.delivery = delivery
        return moved
    }

    /// What the policy says of the pair.
    package var expected: Change { policy.apply(turn, to: session, in: .init(losses: losses)) }
}
