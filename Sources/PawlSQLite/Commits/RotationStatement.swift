import GRDB
import PawlCore
import PawlSQL

/// The compare-and-set of a rotation, and the reading of the row that it turned, prepared once on SQLite's own interface:
/// through GRDB they cost twice as much. Two statements, though SQLite has `RETURNING`: that gathers its rows in a
/// table of its own first, and takes twice as long as both. The writer's transaction makes them one.
final class RotationStatement {
    static let update = """
        UPDATE sessions SET generation = generation + 1, hash = ?1, seal = ?2, attempt_4 = attempt_3,
            attempt_3 = attempt_2, attempt_2 = attempt_1, attempt_1 = ?3, rotated_at = ?4, idle_expires_at = ?5, turned_by = 'refresh',
            ip = ?6, user_agent = ?7, current_attempt = ?12
        WHERE id = ?8 AND generation = ?9 AND generation < \(UInt32.max) AND hash = ?10 AND delivery = ?11
            AND ended_at IS NULL AND absolute_expires_at > ?4 AND idle_expires_at > ?4
            AND (current_attempt = ?3 AND rotated_at > ?4 - \(RotationPolicy.steadyTime)) IS NOT TRUE
        """
    static let select = "SELECT \(SessionRow.list) FROM sessions WHERE id = ?1"

    private let update: PreparedStatement
    private let select: PreparedStatement

    init(on db: Database) throws {
        update = try PreparedStatement(Self.update, on: db)
        select = try PreparedStatement(Self.select, on: db)
    }

    /// The session after the turn, or nil if a condition did not hold.
    func rotate(_ turn: Turn, in db: Database) throws -> Session? {
        defer {
            update.reset()
            select.reset()
        }
        let presented = turn.presentation
        try update.bind(1, turn.successor.hash)
        try update.bind(2, turn.successor.seal)
        try update.bind(3, presented.attempt.column)
        try update.bind(4, presented.now.seconds)
        try update.bind(5, turn.successor.idleExpiry.seconds)
        try update.bind(6, presented.origin.address)
        try update.bind(7, presented.origin.userAgent)
        try update.bind(8, presented.sessionID.bytes)
        try update.bind(9, Int64(presented.generation))
        try update.bind(10, presented.hash)
        try update.bind(11, presented.delivery.rawValue)
        try update.bind(12, turn.successor.attempt.column)
        guard try !update.step(), db.changesCount == 1 else { return nil }
        try select.bind(1, presented.sessionID.bytes)
        guard try select.step() else { throw StoreError("A session that was turned is not there.") }
        return try SessionRow.decode(select)
    }
}
