import GRDB
package import PawlCore

extension SQLiteStore {
    package func rotate(
        _ turn: Turn, under policy: RotationPolicy, losses: [Incident]
    ) async throws(StoreError) -> Outcome {
        try await commit(isRotation: true) { db, statement in
            if turn.presentation.kind == .refresh, let session = try statement.rotate(turn, in: db) {
                return Outcome(.rotate, session)
            }
            return try Self.undoable(in: db) { try Self.decide(turn, under: policy, losses: losses, in: db) }
        }
    }

    /// The turn when the one statement touched no row, or carries more than a rotation: the writer connection is alone
    /// in its transaction, so what is read here stays so.
    private static func decide(
        _ turn: Turn, under policy: RotationPolicy, losses: [Incident], in db: Database
    ) throws -> Outcome {
        let session = try fetch(turn.presentation.sessionID, in: db)
        let user = turn.stepUp == nil ? nil : try session.flatMap { try fetchUser($0.subject, in: db) }
        let change = policy.apply(turn, to: session, of: user, in: .init(losses: losses))
        if change.isPlainTurn { throw StoreError("The statement and the policy disagree.") }
        return try write(change, in: db)
    }

    private static func write(_ change: Change, in db: Database) throws -> Outcome {
        if change.changesSession, let session = change.session { try replace(session, in: db) }
        if let user = change.user { try setPassword(of: user, in: db) }
        var events = change.events
        for event in events { try insert(event, in: db) }
        if let ending = change.endingOfOthers, let session = change.session {
            events += try end(.others(of: session.subject, keeping: session.id), ending, in: db).ended
        }
        return Outcome(change.verdict, change.session, events: events)
    }
}
