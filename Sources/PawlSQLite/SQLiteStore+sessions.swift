import Foundation
import GRDB
package import PawlCore
import PawlSQL

extension SQLiteStore {
    /// Each turn waits for the change before it.
    package var sliceSize: Int { 4 }

    package func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, limit: Int, releasing reservation: LoginReservation?,
        _ event: Event
    ) async throws(StoreError) -> SessionStartResult {
        let sliceSize = sliceSize
        return try await write { db in
            guard let user = try Self.fetchUser(session.subject, in: db), !user.isDisabled, user.version == userVersion
            else { return .userChanged }
            let displaced = try Self.fetchLeastRecentlyUsed(
                of: user.id, beyond: limit - 1, sparing: nil, limit: sliceSize + 1, at: session.createdAt, in: db)
            guard displaced.count <= sliceSize else { return .crowded }
            let ended = try Self.end(.these(displaced), SessionEnding(displacedBy: session), in: db).ended
            try Self.replace(session, in: db)
            try Self.insert(event, in: db)
            if let reservation { try Self.release(reservation, at: session.createdAt, in: db) }
            return .started(displaced: ended)
        }
    }

    /// For measurements with another page cache than the server's.
    package func setWriterCache(kibibytes: Int) async throws {
        try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA cache_size = \(-kibibytes)") }
    }

    package func session(_ id: SessionID) async throws(StoreError) -> Session? {
        try await read { db in try Self.fetch(id, in: db) }
    }

    package func liveSessions(
        of subject: SubjectID, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [Session] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(SessionRow.list) FROM sessions WHERE subject = ?1 AND ended_at IS NULL
                        AND idle_expires_at > ?2 AND absolute_expires_at > ?2 AND (?3 IS NULL OR id < ?3)
                    ORDER BY id DESC LIMIT ?4
                    """, arguments: [subject.data, now.seconds, cursor?.data, limit]
            ).map { try SessionRow.decode($0) }
        }
    }

    package func leastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [SessionID] {
        try await read { db in
            try Self.fetchLeastRecentlyUsed(
                of: subject, beyond: kept, sparing: spared, limit: limit, at: now, in: db)
        }
    }

    package func end(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int, _ ending: SessionEnding
    ) async throws(StoreError) -> (ended: [Event], cursor: SessionID?) {
        try await write { db in try Self.end(selection, after: cursor, limit: limit, ending, in: db) }
    }

    package func copyRoles(
        _ roles: [String], scope: [String], toSessionsOf subject: SubjectID, after cursor: SessionID?, limit: Int
    ) async throws(StoreError) -> SessionID? {
        try await write { db in
            let slice = try Self.fetchIDs(.all(of: subject), after: cursor, limit: limit, in: db)
            try Self.copyRoles(roles, scope: scope, to: slice, in: db)
            return slice.count == limit ? slice.last : nil
        }
    }

    package func rename(
        _ id: SessionID, of subject: SubjectID, to device: String, at now: UnixTime
    ) async throws(StoreError) -> Bool {
        // Looked at beside the writer first: a client that repeats a name must keep no turn waiting.
        let known = try await self.session(id)
        guard let known, known.subject == subject, known.isLive(at: now) else { return false }
        if known.device == device { return true }
        return try await write { db in
            guard let session = try Self.fetch(id, in: db), session.isLive(at: now) else { return false }
            try db.execute(sql: "UPDATE sessions SET device = ? WHERE id = ?", arguments: [device, id.data])
            return true
        }
    }

    package func spendStepUpTry(_ id: SessionID, limit: Int) async throws(StoreError) -> Bool {
        try await write { db in
            try db.execute(
                sql:
                    "UPDATE sessions SET step_up_failures = step_up_failures + 1 WHERE id = ? AND step_up_failures < ?",
                arguments: [id.data, limit])
            return db.changesCount == 1
        }
    }

    package func refundStepUpTry(_ id: SessionID) async throws(StoreError) {
        try await write { db in
            try db.execute(
                sql:
                    "UPDATE sessions SET step_up_failures = step_up_failures - 1 WHERE id = ? AND step_up_failures > 0",
                arguments: [id.data])
        }
    }

    package func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> (live: Int, cursor: SessionID?) {
        let slice = try await read { db in try Self.fetchSlice(after: cursor, limit: limit, in: db) }
        let over = slice.filter { $0.isOver(before: cutoff) }.map(\.id)
        if !over.isEmpty {
            try await write { db in try Self.delete(over, endedBefore: cutoff, in: db) }
        }
        return (slice.count { $0.isLive(at: now) }, slice.last?.id)
    }

    /// Looks at what was read once more, since a recovery may have moved a session on meanwhile. The condition says again
    /// what ``Session/isOver(before:)`` says.
    static func delete(_ ids: [SessionID], endedBefore cutoff: UnixTime, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                DELETE FROM sessions
                WHERE id = ?1 AND (ended_at < ?2 OR idle_expires_at < ?2 OR absolute_expires_at < ?2)
                """)
        for id in ids { try statement.execute(arguments: [id.data, cutoff.seconds]) }
    }

    static func fetch(_ id: SessionID, in db: Database) throws -> Session? {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT \(SessionRow.list) FROM sessions WHERE id = ?"), arguments: [id.data]
        ).map { try SessionRow.decode($0) }
    }

    private static func fetchSlice(after cursor: SessionID?, limit: Int, in db: Database) throws -> [Session] {
        try Row.fetchAll(
            db, sql: "SELECT \(SessionRow.list) FROM sessions WHERE id > ? ORDER BY id LIMIT ?",
            arguments: [cursor?.data ?? Data(), limit]
        ).map { try SessionRow.decode($0) }
    }

    private static func fetchLeastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime,
        in db: Database
    ) throws -> [SessionID] {
        let condition = "subject = ? AND ended_at IS NULL AND absolute_expires_at > ? AND id IS NOT ?"
        let arguments: StatementArguments = [subject.data, now.seconds, spared?.data]
        let statement = try db.cachedStatement(sql: "SELECT count(*) FROM sessions WHERE \(condition)")
        let excess = (try Int.fetchOne(statement, arguments: arguments) ?? 0) - kept
        guard excess > 0 else { return [] }
        return try fetchIDs(
            "\(condition) ORDER BY rotated_at, id LIMIT ?", arguments + [min(excess, limit)], in: db)
    }

    /// The selected sessions in the order of their ids. Of a user they are those that have not ended, which an index
    /// finds.
    private static func fetchIDs(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int, in db: Database
    ) throws -> [SessionID] {
        let start = cursor?.data ?? Data()
        switch selection {
        case .one, .these:
            return selection.ids(after: cursor, limit: limit) ?? []
        case .all(let subject):
            return try fetchIDs(
                "subject = ? AND ended_at IS NULL AND id > ? ORDER BY id LIMIT ?", [subject.data, start, limit],
                in: db)
        case .others(let subject, let kept):
            return try fetchIDs(
                "subject = ? AND ended_at IS NULL AND id > ? AND id <> ? ORDER BY id LIMIT ?",
                [subject.data, start, kept.data, limit], in: db)
        case .begun:
            return try fetchIDs("id > ? ORDER BY id LIMIT ?", [start, limit], in: db)
        }
    }

    private static func fetchIDs(
        _ condition: String, _ arguments: StatementArguments, in db: Database
    ) throws -> [SessionID] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT id FROM sessions WHERE \(condition)"), arguments: arguments
        ).map { row in
            guard let id = SessionID(bytes: row.bytes(0)) else { throw StoreError("A row of sessions cannot be read.") }
            return id
        }
    }

    static func copyRoles(_ roles: [String], scope: [String], to ids: [SessionID], in db: Database) throws {
        guard !ids.isEmpty else { return }
        let values: StatementArguments = [roles.joined(separator: " "), scope.joined(separator: " ")]
        try db.execute(
            sql: "UPDATE sessions SET roles = ?, scope = ? WHERE id IN (\(placeholders(ids)))",
            arguments: values + StatementArguments(ids.map(\.data)))
    }

    static func replace(_ session: Session, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO sessions (\(SessionRow.list)) VALUES (\(placeholders(SessionRow.names)))",
            arguments: StatementArguments(SessionRow.values(session)))
    }

    /// One statement for all rows, and the event of each. It says again what ``Session/canEnd(at:)`` and
    /// ``Session/ended(at:reason:)`` say.
    static func end(
        _ selection: SessionSelection, after cursor: SessionID? = nil, limit: Int = .max, _ ending: SessionEnding,
        in db: Database
    ) throws -> (ended: [Event], cursor: SessionID?) {
        let slice = try fetchIDs(selection, after: cursor, limit: limit, in: db)
        guard !slice.isEmpty else { return ([], nil) }
        let values: StatementArguments = [
            ending.at.seconds, ending.reason.rawValue, ending.at.seconds, selection.start.seconds,
        ]
        let rows = try Row.fetchAll(
            db,
            sql: """
                UPDATE sessions SET hash = x'', seal = x'', attempt_1 = NULL, attempt_2 = NULL, attempt_3 = NULL,
                    attempt_4 = NULL, current_attempt = NULL, ended_at = ?, end_reason = ?
                WHERE ended_at IS NULL AND absolute_expires_at > ? AND created_at >= ?
                    AND id IN (\(placeholders(slice)))
                RETURNING id, subject
                """, arguments: values + StatementArguments(slice.map(\.data)))
        let ended = try ending.events(of: rows)
        for event in ended { try insert(event, in: db) }
        return (ended, slice.count == limit ? slice.last : nil)
    }
}
