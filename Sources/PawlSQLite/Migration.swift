import Foundation
import GRDB
import Logging
import PawlCore
import PawlSQL

/// A step of the schema. The same names, in the same order, for every kind of database.
struct Migration {
    let name: String
    let sql: String
    /// What SQL cannot do, after it and in the same transaction.
    var complete: (@Sendable (Database, Logger) throws -> Void)?

    // There is no 0004: it was withdrawn before it was released.
    static let all = [
        Migration(
            name: "0001-initial",
            sql: """
                CREATE TABLE sessions (
                    id BLOB NOT NULL PRIMARY KEY,
                    subject BLOB NOT NULL,
                    client_id TEXT NOT NULL,
                    delivery TEXT NOT NULL,
                    created_at INTEGER NOT NULL,
                    absolute_expires_at INTEGER NOT NULL,
                    auth_time INTEGER NOT NULL,
                    amr TEXT NOT NULL,
                    scope TEXT NOT NULL,
                    roles TEXT NOT NULL,
                    device TEXT NOT NULL,
                    ip TEXT NOT NULL,
                    user_agent TEXT NOT NULL,
                    generation INTEGER NOT NULL,
                    hash BLOB NOT NULL,
                    seal BLOB NOT NULL,
                    attempt_1 INTEGER,
                    attempt_2 INTEGER,
                    attempt_3 INTEGER,
                    attempt_4 INTEGER,
                    rotated_at INTEGER NOT NULL,
                    idle_expires_at INTEGER NOT NULL,
                    step_up_failures INTEGER NOT NULL,
                    ended_at INTEGER,
                    end_reason TEXT,
                    turned_by TEXT NOT NULL
                ) WITHOUT ROWID;
                CREATE INDEX sessions_subject ON sessions (subject);

                CREATE TABLE users (
                    id BLOB NOT NULL PRIMARY KEY,
                    identifier TEXT NOT NULL UNIQUE,
                    created_at INTEGER NOT NULL,
                    password BLOB NOT NULL,
                    version INTEGER NOT NULL,
                    disabled INTEGER NOT NULL,
                    roles TEXT NOT NULL,
                    scope TEXT NOT NULL
                ) WITHOUT ROWID;

                CREATE TABLE signing_keys (
                    id TEXT NOT NULL PRIMARY KEY,
                    algorithm TEXT NOT NULL,
                    seal BLOB NOT NULL,
                    created_at INTEGER NOT NULL,
                    activates_at INTEGER NOT NULL
                ) WITHOUT ROWID;

                CREATE TABLE events (
                    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                    at INTEGER NOT NULL,
                    kind TEXT NOT NULL,
                    subject BLOB,
                    session BLOB,
                    ip TEXT,
                    user_agent TEXT,
                    details TEXT NOT NULL
                );

                CREATE TABLE login_throttle (
                    key BLOB NOT NULL PRIMARY KEY,
                    failures INTEGER NOT NULL,
                    last_use INTEGER NOT NULL,
                    trusted_until INTEGER
                ) WITHOUT ROWID;
                """),
        Migration(
            name: "0002-recovery",
            sql: """
                CREATE TABLE settings (
                    name TEXT NOT NULL PRIMARY KEY,
                    value TEXT NOT NULL
                ) WITHOUT ROWID;

                ALTER TABLE sessions ADD COLUMN recovered_at INTEGER;
                """),
        Migration(
            name: "0003-sums",
            sql: """
                ALTER TABLE events ADD COLUMN sum TEXT;
                CREATE UNIQUE INDEX events_sum ON events (sum) WHERE sum IS NOT NULL;
                """),
        // Finds the sessions of a user that have not ended, however many have.
        Migration(
            name: "0005-bulk",
            sql: """
                CREATE INDEX sessions_left ON sessions (subject, id) WHERE ended_at IS NULL;
                DROP INDEX sessions_subject;
                """),
        Migration(
            name: "0006-throttle",
            sql: """
                ALTER TABLE login_throttle ADD COLUMN under_way INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE login_throttle ADD COLUMN under_way_since INTEGER NOT NULL DEFAULT 0;
                """),
        Migration(
            name: identifiers,
            sql: """
                ALTER TABLE users ADD COLUMN identifier_key TEXT;
                ALTER TABLE users ADD COLUMN identifier_typed TEXT;
                CREATE UNIQUE INDEX users_key ON users (\(UserRow.key));
                """,
            complete: OldIdentifiers.bringAlong),
        Migration(
            name: "0008-steady",
            sql: "ALTER TABLE sessions ADD COLUMN current_attempt INTEGER"),
        // Finds the changes of the master secret among any number of events.
        Migration(
            name: "0009-secrets",
            sql: "CREATE INDEX events_secrets ON events (id) WHERE kind = 'master_secret_changed'"),
        // The rule compares several spaces, and dots on i, as less than they are.
        Migration(name: "0010-look-alikes", sql: "SELECT 1", complete: OldIdentifiers.bringAlong),
    ]

    static let identifiers = "0007-identifiers"

    /// All steps in their order, with those that a newer version applied last.
    static func status(in db: Database) throws -> [AppliedMigration] {
        let rows =
            try db.tableExists("migrations")
            ? Row.fetchAll(db, sql: "SELECT name, applied_at FROM migrations ORDER BY name") : []
        let applied = Dictionary(rows.map { ($0.text(0), $0.time(1)) }, uniquingKeysWith: { $1 })
        let newer = rows.map { $0.text(0) }.filter { name in !all.contains { $0.name == name } }
        return (all.map(\.name) + newer).map { AppliedMigration(name: $0, appliedAt: applied[$0]) }
    }

    /// Applies what is missing, each step in a transaction of its own.
    static func run(in db: Database, logger: Logger) throws {
        try db.execute(
            sql: "CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL)")
        let pending = try pending(in: db)
        for migration in all where pending.contains(migration.name) {
            try db.inTransaction(.immediate) {
                try db.execute(sql: migration.sql)
                try migration.complete?(db, logger)
                try db.execute(
                    sql: "INSERT INTO migrations VALUES (?, ?)",
                    arguments: [migration.name, Int64(Date().timeIntervalSince1970)])
                return .commit
            }
        }
    }

    /// The names of the pending steps.
    static func pending(in db: Database) throws -> [String] {
        let status = try status(in: db)
        guard status.count == all.count else {
            throw SQLiteStoreError(
                "A newer version of Pawl has changed this database. Run that version, or restore an older backup.")
        }
        return status.filter { $0.appliedAt == nil }.map(\.name)
    }
}
