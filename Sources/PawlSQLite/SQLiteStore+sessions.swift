import Foundation
import GRDB
public import PawlCore

extension SQLiteStore {
    public func insert(
        _ session: Session, ifUserVersionIs userVersion: Int64, _ event: Event
    ) async throws(StoreError) -> Bool {
        try await write { db in
            guard let user = try Self.fetchUser(session.subject, in: db), !user.isDisabled, user.version == userVersion
            else { return false }
            try Self.replace(session, in: db)
            try Self.insert(event, in: db)
            return true
        }
    }

    /// For measurements with another page cache than the server's.
    package func setWriterCache(kibibytes: Int) async throws {
        try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA cache_size = \(-kibibytes)") }
    }

    public func session(_ id: SessionID) async throws(StoreError) -> Session? {
        try await read { db in try Self.fetch(id, in: db) }
    }

    public func liveSessions(of subject: SubjectID, at now: UnixTime) async throws(StoreError) -> [Session] {
        try await read { db in try Self.fetch(.all(of: subject), in: db).filter { $0.isLive(at: now) } }
    }

    public func end(_ selection: SessionSelection, _ ending: PlannedEnding) async throws(StoreError) -> [SessionID] {
        try await write { db in try Self.end(selection, ending, in: db) }
    }

    public func endSlice(
        begunSince start: UnixTime, after cursor: SessionID?, limit: Int, _ ending: PlannedEnding
    ) async throws(StoreError) -> (ended: [SessionID], cursor: SessionID?) {
        try await write { db in
            let slice = try Self.fetchSlice(after: cursor, limit: limit, in: db)
            return (try Self.end(slice.filter { $0.createdAt >= start }, ending, in: db), slice.last?.id)
        }
    }

    public func rename(
        _ id: SessionID, of subject: SubjectID, to device: String, at now: UnixTime
    ) async throws(StoreError) -> Bool {
        try await write { db in
            guard let session = try Self.fetch(id, in: db), session.subject == subject, session.isLive(at: now) else {
                return false
            }
            try db.execute(sql: "UPDATE sessions SET device = ? WHERE id = ?", arguments: [device, id.data])
            return true
        }
    }

    public func spendStepUpTry(_ id: SessionID, limit: Int) async throws(StoreError) -> Bool {
        try await write { db in
            try db.execute(
                sql:
                    "UPDATE sessions SET step_up_failures = step_up_failures + 1 WHERE id = ? AND step_up_failures < ?",
                arguments: [id.data, limit])
            return db.changesCount == 1
        }
    }

    public func refundStepUpTry(_ id: SessionID) async throws(StoreError) {
        try await write { db in
            try db.execute(
                sql:
                    "UPDATE sessions SET step_up_failures = step_up_failures - 1 WHERE id = ? AND step_up_failures > 0",
                arguments: [id.data])
        }
    }

    public func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> (live: Int, cursor: SessionID?) {
        let slice = try await read { db in try Self.fetchSlice(after: cursor, limit: limit, in: db) }
        let over = slice.filter { $0.isOver(before: cutoff) }.map(\.id)
        if !over.isEmpty {
            // Nothing revives a session that is over, so what was read still holds.
            try await write { db in
                for id in over { try db.execute(sql: "DELETE FROM sessions WHERE id = ?", arguments: [id.data]) }
            }
        }
        return (slice.count { $0.isLive(at: now) }, slice.last?.id)
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

    /// Newest first.
    private static func fetch(_ selection: SessionSelection, in db: Database) throws -> [Session] {
        let (condition, arguments): (String, StatementArguments) =
            switch selection {
            case .one(let id): ("id = ?", [id.data])
            case .all(let subject): ("subject = ?", [subject.data])
            case .others(let subject, let kept): ("subject = ? AND id <> ?", [subject.data, kept.data])
            }
        return try Row.fetchAll(
            db, sql: "SELECT \(SessionRow.list) FROM sessions WHERE \(condition) ORDER BY id DESC",
            arguments: arguments
        ).map { try SessionRow.decode($0) }
    }

    static func replace(_ session: Session, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO sessions (\(SessionRow.list)) VALUES (\(placeholders(SessionRow.names)))",
            arguments: StatementArguments(SessionRow.values(session)))
    }

    @discardableResult
    static func end(_ selection: SessionSelection, _ ending: PlannedEnding, in db: Database) throws -> [SessionID] {
        try end(fetch(selection, in: db), ending, in: db)
    }

    private static func end(_ selected: [Session], _ ending: PlannedEnding, in db: Database) throws -> [SessionID] {
        let left = selected.filter { $0.canEnd(at: ending.at) }
        for session in left { try end(session, ending, in: db) }
        return left.map(\.id)
    }

    static func end(_ session: Session, _ ending: PlannedEnding, in db: Database) throws {
        try replace(session.ended(at: ending.at, reason: ending.reason), in: db)
        try insert(ending.event(for: session.id, of: session.subject), in: db)
    }
}
