import GRDB
public import PawlCore

extension SQLiteStore {
    public func rotate(_ turn: Turn, under policy: RotationPolicy) async throws(StoreError) -> Outcome {
        try await commit(isRotation: true) { db, statement in try statement.rotate(turn, under: policy, in: db) }
    }

    /// The turn when the one statement touched no row, or carries more than a rotation: the writer connection is alone
    /// in its transaction, so what is read here stays so.
    static func decide(_ turn: Turn, under policy: RotationPolicy, in db: Database) throws -> Outcome {
        let session = try fetch(turn.sessionID, in: db)
        let decision = policy.decide(turn, on: session)
        guard let session else { return Outcome(decision.verdict, nil) }
        switch decision.effect {
        case .none:
            return Outcome(decision.verdict, session)
        case .record(let event):
            try insert(event, in: db)
            return Outcome(decision.verdict, session)
        case .end(let reason, let event):
            let ending = PlannedEnding(reason, at: turn.now, origin: turn.origin, event: event)
            try end(session, ending, in: db)
            return Outcome(decision.verdict, session.ended(at: turn.now, reason: reason))
        case .turn:
            guard turn.operation != .refresh else { throw StoreError("The statement and the policy disagree.") }
            return try self.turn(turn, to: session.turned(by: turn), in: db)
        case .recover(let now, let event):
            let outcome = try self.turn(turn, to: session.recovered(by: turn, at: now), in: db)
            if outcome.verdict == .rotate { try insert(event, in: db) }
            return outcome
        }
    }

    private static func turn(_ turn: Turn, to next: Session, in db: Database) throws -> Outcome {
        guard let stepUp = turn.stepUp else {
            try replace(next, in: db)
            return Outcome(.rotate, next)
        }
        guard let user = try fetchUser(next.subject, in: db), !user.isDisabled, user.version == stepUp.userVersion
        else { return Outcome(.conflict, try fetch(next.id, in: db)) }
        try replace(next, in: db)
        try insert(Event(.steppedUp, at: turn.now, subject: user.id, session: next.id, origin: turn.origin), in: db)
        guard let password = stepUp.newPassword else { return Outcome(.rotate, next) }
        try db.execute(
            sql: "UPDATE users SET password = ?, version = version + 1 WHERE id = ?",
            arguments: [password.bytes.data, user.id.data])
        try insert(
            Event(.passwordChanged, at: turn.now, subject: user.id, session: next.id, origin: turn.origin), in: db)
        let ended = try end(
            .others(of: user.id, keeping: next.id), PlannedEnding(.revoked, at: turn.now, origin: turn.origin), in: db
        ).ended
        return Outcome(.rotate, next, endedOthers: ended)
    }
}
