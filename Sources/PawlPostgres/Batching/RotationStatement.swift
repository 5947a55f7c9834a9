import PawlCore
import PawlSQL

/// The compare-and-set of a batch of rotations. It carries every condition of *rotate*, and finds each row by its id
/// alone.
enum RotationStatement {
    /// What a turn brings, in the order of ``parameters(_:)``.
    private static let columns: [(name: String, kind: TableShape.Kind)] = [
        ("id", .id), ("generation", .integer), ("presented", .bytes), ("delivery", .text), ("hash", .bytes),
        ("seal", .bytes), ("attempt", .integer), ("now", .integer), ("idle_expires_at", .integer), ("ip", .text),
        ("user_agent", .text), ("current_attempt", .integer),
    ]

    static let sql = """
        UPDATE sessions AS s SET generation = s.generation + 1, hash = t.hash, seal = t.seal, attempt_4 = s.attempt_3,
            attempt_3 = s.attempt_2, attempt_2 = s.attempt_1, attempt_1 = t.attempt, rotated_at = t.now,
            idle_expires_at = t.idle_expires_at, turned_by = 'refresh', ip = t.ip, user_agent = t.user_agent,
            current_attempt = t.current_attempt
        FROM unnest(\(columns.enumerated().map { "$\($0 + 1)::\($1.kind.typeName)[]" }.joined(separator: ", ")))
            WITH ORDINALITY AS t (\(columns.map(\.name).joined(separator: ", ")), place)
        WHERE s.id = t.id AND s.generation = t.generation AND s.generation < \(UInt32.max) AND s.hash = t.presented
            AND s.delivery = t.delivery AND s.ended_at IS NULL
            AND s.absolute_expires_at > t.now AND s.idle_expires_at > t.now
            AND (s.current_attempt = t.attempt AND s.rotated_at > t.now - \(RotationPolicy.steadyTime)) IS NOT TRUE
        RETURNING \(SessionRow.names.map { "s.\($0)" }.joined(separator: ", ")), t.place
        """

    static func parameters(_ turns: [Turn]) -> [Parameter] {
        let rows = turns.map { turn -> [ColumnValue] in
            let presented = turn.presentation
            return [
                .init(presented.sessionID), .integer(Int64(presented.generation)), .bytes(presented.hash),
                .text(presented.delivery.rawValue), .bytes(turn.successor.hash), .bytes(turn.successor.seal),
                .integer(presented.attempt.column), .init(presented.now), .init(turn.successor.idleExpiry),
                .text(presented.origin.address), .text(presented.origin.userAgent),
                .integer(turn.successor.attempt.column),
            ]
        }
        return columns.indices.map { place in .values(rows.map { $0[place] }, of: columns[place].kind) }
    }

    /// Makes a connection find rows by the primary key, whatever it has learnt of the table's size, and plan once; and not
    /// wait long for a row that somebody else holds: the others of its batch would wait as well. The parts of a distributed
    /// database do not know of `lock_timeout`: there the whole statement is cut off.
    static func prepare(_ connection: Connection) throws {
        try connection.execute(
            """
            SELECT set_config('statement_timeout', '2000', false) FROM pg_settings
            WHERE name = 'statement_timeout' AND (setting = '0' OR setting::bigint > 2000)
            """)
        for setting in ["lock_timeout = 500", "plan_cache_mode = force_generic_plan"]
            + ["seqscan", "bitmapscan", "hashjoin", "mergejoin"].map({ "enable_\($0) = off" })
        {
            try connection.execute("SET \(setting)")
        }
    }
}
