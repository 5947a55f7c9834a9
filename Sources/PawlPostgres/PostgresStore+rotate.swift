package import PawlCore

extension PostgresStore {
    package func rotate(
        _ turn: Turn, under policy: RotationPolicy, losses: [Incident]
    ) async throws(StoreError) -> Outcome {
        try time.check()
        let result = turn.presentation.kind == .refresh ? await batcher.turn(turn) : .alone
        switch result {
        case .turned(let session): return Outcome(.rotate, session)
        case .untouched, .alone: return try await decide(turn, under: policy, losses, mayBeCommitted: false)
        case .inDoubt: return try await decide(turn, under: policy, losses, mayBeCommitted: true)
        case .failed(let error):
            if error.kind == .away { unknownOutcomes.add(turn) }
            throw StoreError(error)
        }
    }

    /// The turn by itself, under lock.
    /// - Parameter mayBeCommitted: whether it may have been already: then that is found out first. A doubt is not
    ///   answered by a guess, so while the database is away this waits for it to come back.
    private func decide(
        _ turn: Turn, under policy: RotationPolicy, _ losses: [Incident], mayBeCommitted: Bool
    ) async throws(StoreError) -> Outcome {
        let deadline = ContinuousClock.now + patience
        var mayBeCommitted = mayBeCommitted
        let facts = RotationPolicy.Circumstances(losses: losses, unanswered: unknownOutcomes[turn])
        while true {
            do {
                return try await pool.transaction { [mayBeCommitted, circuit] connection in
                    try Self.decide(
                        turn, under: policy, in: facts, mayBeCommitted: mayBeCommitted, circuit: circuit, on: connection
                    )
                }
            } catch {
                let kind = (error as? PostgresError)?.kind
                if kind == .inDoubt { mayBeCommitted = true }
                guard mayBeCommitted else {
                    if kind == .away { unknownOutcomes.add(turn) }
                    throw StoreError(hiding: error)
                }
                guard kind == .inDoubt || kind == .away, .now < deadline, await Self.pause() else {
                    unknownOutcomes.add(turn)
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

    private static func decide(
        _ turn: Turn, under policy: RotationPolicy, in facts: RotationPolicy.Circumstances, mayBeCommitted: Bool,
        circuit: CircuitBreaker, on connection: Connection
    ) throws -> Outcome {
        let presented = turn.presentation
        var user: User?
        if turn.stepUp != nil, let session = try fetch(presented.sessionID, locked: false, on: connection) {
            // Users before their sessions, in each transaction that locks both.
            user = try fetchUser(session.subject, lock: "FOR UPDATE", on: connection)
        }
        let session = try fetch(presented.sessionID, locked: true, on: connection)
        if mayBeCommitted, let session, session.ending == nil, session.chain.hash == turn.successor.hash {
            // It was. The write makes this commit wait for what that one ought to have waited for.
            var confirmed = session
            confirmed.chain.rotatedAt = max(session.chain.rotatedAt, presented.now)
            try replace(confirmed, on: connection)
            return Outcome(.rotate, confirmed)
        }
        var facts = facts
        if let session { facts.outage = circuit.awayTime(inLast: presented.now.age(since: session.chain.rotatedAt)) }
        return try write(policy.apply(turn, to: session, of: user, in: facts), on: connection)
    }

    private static func write(_ change: Change, on connection: Connection) throws -> Outcome {
        if change.changesSession, let session = change.session { try replace(session, on: connection) }
        if let user = change.user { try setPassword(of: user, on: connection) }
        var events = change.events
        if !events.isEmpty { try insert(events, on: connection) }
        if let ending = change.endingOfOthers, let session = change.session {
            events += try end(.others(of: session.subject, keeping: session.id), ending, on: connection).ended
        }
        return Outcome(change.verdict, change.session, events: events)
    }
}
