public import PawlCore

extension PostgresStore {
    public func rotate(_ turn: Turn, under policy: RotationPolicy) async throws(StoreError) -> Outcome {
        try time.check()
        guard turn.operation == .refresh else { return try await decide(turn, under: policy, mayBeCommitted: false) }
        switch await waves.turn(turn) {
        case .turned(let session): return Outcome(.rotate, session)
        case .untouched, .alone: return try await decide(turn, under: policy, mayBeCommitted: false)
        case .inDoubt: return try await decide(turn, under: policy, mayBeCommitted: true)
        case .failed(let error):
            if error.kind == .away { doubts.add(turn) }
            throw StoreError(error)
        }
    }

    /// The turn by itself, under lock.
    /// - Parameter mayBeCommitted: whether it may have been already: then that is found out first. A doubt is not
    ///   answered by a guess, so while the database is away this waits for it to come back.
    private func decide(
        _ turn: Turn, under policy: RotationPolicy, mayBeCommitted: Bool
    ) async throws(StoreError) -> Outcome {
        let deadline = ContinuousClock.now + patience
        var mayBeCommitted = mayBeCommitted
        let earlier = doubts[turn]
        while true {
            do {
                return try await pool.transaction { [mayBeCommitted, circuit] connection in
                    try Self.decide(
                        turn, after: earlier, under: policy, mayBeCommitted: mayBeCommitted, circuit: circuit,
                        on: connection)
                }
            } catch {
                let kind = (error as? PostgresError)?.kind
                if kind == .inDoubt { mayBeCommitted = true }
                guard mayBeCommitted else {
                    if kind == .away { doubts.add(turn) }
                    throw StoreError(hiding: error)
                }
                guard kind == .inDoubt || kind == .away, .now < deadline, await Self.pause() else {
                    doubts.add(turn)
                    throw StoreError(hiding: error)
                }
            }
        }
    }

    /// - Returns: false if the caller is gone.
    private static func pause() async -> Bool {
        do {
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...150)))
            return true
        } catch {
            return false
        }
    }

    /// - Parameter earlier: a turn with the same token whose caller was sent away without an answer.
    private static func decide(
        _ turn: Turn, after earlier: Turn?, under policy: RotationPolicy, mayBeCommitted: Bool, circuit: Circuit,
        on connection: Connection
    ) throws -> Outcome {
        if turn.stepUp != nil, let subject = try fetch(turn.sessionID, locked: false, on: connection)?.subject {
            // Users before their sessions, in whatever locks both.
            _ = try fetchUser(subject, lock: "FOR UPDATE", on: connection)
        }
        let session = try fetch(turn.sessionID, locked: true, on: connection)
        if mayBeCommitted, let session, session.ending == nil, session.hash == turn.successorHash {
            // It was. The write makes this commit wait for whatever that one ought to have waited for.
            var confirmed = session
            confirmed.rotatedAt = max(session.rotatedAt, turn.now)
            try replace(confirmed, on: connection)
            return Outcome(.rotate, confirmed)
        }
        var policy = policy
        let leeway = policy.leeway
        if leeway > 0, let session {
            // Nobody could come again while the database was away.
            policy.leeway += circuit.awayTime(inLast: turn.now.age(since: session.rotatedAt))
        }
        if let earlier, let session, policy.leeway > 0 || session.hash == earlier.successorHash {
            // Judged as of when the token first came. Where that turn was committed, its client is still owed the answer.
            policy.leeway = max(policy.leeway, turn.now.age(since: earlier.now) + max(1, leeway))
        }
        let decision = policy.decide(turn, on: session)
        guard let session else { return Outcome(decision.verdict, nil) }
        switch decision.effect {
        case .none:
            return Outcome(decision.verdict, session)
        case .record(let event):
            try insert(event, on: connection)
            return Outcome(decision.verdict, session)
        case .end(let reason, let event):
            let ending = PlannedEnding(reason, at: turn.now, origin: turn.origin, event: event)
            try end(session, ending, on: connection)
            return Outcome(decision.verdict, session.ended(at: turn.now, reason: reason))
        case .turn:
            // With a step-up, or because another transaction came between the statement and the lock.
            return try self.turn(turn, to: session.turned(by: turn), on: connection)
        case .recover(let now, let event):
            let outcome = try self.turn(turn, to: session.recovered(by: turn, at: now), on: connection)
            if outcome.verdict == .rotate { try insert(event, on: connection) }
            return outcome
        }
    }

    private static func turn(_ turn: Turn, to next: Session, on connection: Connection) throws -> Outcome {
        guard let stepUp = turn.stepUp else {
            try replace(next, on: connection)
            return Outcome(.rotate, next)
        }
        guard let user = try fetchUser(next.subject, on: connection), !user.isDisabled,
            user.version == stepUp.userVersion
        else { return Outcome(.conflict, try fetch(next.id, locked: false, on: connection)) }
        try replace(next, on: connection)
        try insert(
            Event(.steppedUp, at: turn.now, subject: user.id, session: next.id, origin: turn.origin), on: connection)
        guard let password = stepUp.newPassword else { return Outcome(.rotate, next) }
        try connection.execute(
            "UPDATE users SET password = $1, version = version + 1 WHERE id = $2",
            [.bytes(password.bytes), .id(user.id)])
        try insert(
            Event(.passwordChanged, at: turn.now, subject: user.id, session: next.id, origin: turn.origin),
            on: connection)
        let ended = try end(
            .others(of: user.id, keeping: next.id), PlannedEnding(.revoked, at: turn.now, origin: turn.origin),
            on: connection
        ).ended
        return Outcome(.rotate, next, endedOthers: ended)
    }
}
