import Foundation
import GRDB
package import PawlCore

extension SQLiteStore {
    package func takeHousekeepingLease(at now: UnixTime) -> Bool { true }

    /// SQLite takes them all.
    package func tryStatements() {}

    package func status() async throws(StoreError) -> DatabaseStatus {
        let (synchronous, mode): (Int?, String?)
        do {
            // Only the writer flushes commits.
            (synchronous, mode) = try await pool.writeWithoutTransaction { db in
                (try Int.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode"))
            }
        } catch {
            throw StoreError(hiding: error)
        }
        let path = pool.path
        return try await read { db in
            let migrations = try Migration.status(in: db)
            let hasTables = migrations.first?.appliedAt != nil
            return DatabaseStatus(
                kind: "SQLite", version: try String.fetchOne(db, sql: "SELECT sqlite_version()") ?? "", path: path,
                bytes: Self.size(of: path), journalBytes: Self.size(of: path + "-wal"),
                isDurable: synchronous == 2 && mode == "wal", migrations: migrations,
                sessions: hasTables ? try Self.count("sessions", in: db) : 0,
                users: hasTables ? try Self.count("users", in: db) : 0,
                newestTime: hasTables ? try Self.newestTime(in: db) : nil)
        }
    }

    package func findDamage() async throws(StoreError) -> [String] {
        try await read { db in try Self.damage("integrity_check", in: db) }
    }

    /// What one of SQLite's checks says. Where the damage is bad enough it ends in an error, which is an answer too.
    static func damage(_ check: String, in db: Database) throws -> [String] {
        do {
            return try String.fetchAll(db, sql: "PRAGMA \(check)(10)").filter { $0 != "ok" }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            return [error.message ?? "malformed"]
        }
    }

    package func passwordSeals() async throws(StoreError) -> [UInt8: Int] {
        try await read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT substr(password, 1, 1), count(*) FROM users GROUP BY 1")
            return rows.reduce(into: [:]) { seals, row in
                if let id = row.bytes(0).first { seals[id] = Int(row.integer(1) ?? 0) }
            }
        }
    }

    package func countLiveSessions(turnedIn span: Range<UnixTime>, at now: UnixTime) async throws(StoreError) -> Int {
        try await read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM sessions WHERE rotated_at >= ? AND rotated_at < ? AND ended_at IS NULL
                        AND idle_expires_at > ? AND absolute_expires_at > ?
                    """,
                arguments: [span.lowerBound.seconds, span.upperBound.seconds, now.seconds, now.seconds]) ?? 0
        }
    }

    /// Counts the entries of the table's narrowest index, not its rows.
    static func count(_ table: String, in db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0
    }

    /// Of the newest event and the newest session: found by their ids, which begin with their time.
    private static func newestTime(in db: Database) throws -> UnixTime? {
        let event = try Int64.fetchOne(db, sql: "SELECT at FROM events ORDER BY id DESC LIMIT 1")
        let session = try Row.fetchOne(
            db, sql: "SELECT max(created_at, rotated_at) FROM sessions ORDER BY id DESC LIMIT 1"
        )?.integer(0)
        return [event, session].compactMap { $0 }.max().map { UnixTime(seconds: $0) }
    }

    /// 0 for a file that is not there.
    static func size(of path: String) -> Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }
}
