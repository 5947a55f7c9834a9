import Foundation
import GRDB
public import Logging
public import PawlCore
import PawlSQL

/// The embedded store: one SQLite file, one process, nothing to run beside it.
///
/// WAL with `synchronous=FULL`: what was acknowledged survives loss of power. One connection writes and checkpoints,
/// the others only read, because SQLite before 3.51.3 can corrupt a WAL when two connections checkpoint and commit at
/// the same instant.
public final class SQLiteStore: Store {
    let pool: DatabasePool
    let commits: GroupCommit
    let logger: Logger
    private let lock: ProcessLock
    let files: FileIdentityCheck

    /// Opens the database at `path`, making it if need be, and brings its tables up to date.
    /// - Throws: ``SQLiteStoreError`` that says what to do.
    public convenience init(path: String, metrics: PawlMetrics = .init(), logger: Logger) async throws {
        try await self.init(path: path, purpose: .serve, metrics: metrics, logger: logger)
    }

    package init(path: String, purpose: OpenMode, metrics: PawlMetrics = .init(), logger: Logger) async throws {
        self.logger = logger
        commits = GroupCommit(metrics: metrics)
        // By whatever name it is called: a link must not get round the lock.
        let path = URL(filePath: path).resolvingSymlinksInPath().path
        let own = DatabaseFiles(of: path)
        try own.check()
        if purpose == .serve { try Self.checkIsNotEmpty(path) } else { try Self.checkExists(path) }
        lock = try ProcessLock(of: path)
        // A clean end leaves no journal.
        let endedUncleanly = SQLiteStore.size(of: path + "-wal") > 0
        do {
            try own.makePrivateFile()
            pool = try DatabasePool(path: path, configuration: Self.configuration)
            try await pool.writeWithoutTransaction { db in
                // GRDB sets NORMAL when it switches to WAL, after its configuration has run: set it once more, and
                // look.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
                let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode")
                guard synchronous == 2, mode == "wal" else {
                    throw SQLiteStoreError("SQLite does not take WAL with synchronous=FULL on \(path).")
                }
                switch purpose {
                case .serve:
                    if endedUncleanly { try Self.checkIsSound(db, at: path, logger) }
                    try Migration.run(in: db, logger: logger)
                    try Self.checkIsNotLeft(db)
                case .migrate: try Migration.run(in: db, logger: logger)
                case .operate:
                    try Self.checkIsCurrent(db)
                    try Self.checkIsNotLeft(db)
                case .move: try Self.checkIsCurrent(db)
                case .inspect: break
                }
            }
            files = FileIdentityCheck(paths: [path, path + "-wal"])
        } catch let error as DatabaseError {
            throw SQLiteStoreError("Cannot use \(path) as a database. \(StoreError.text(of: error))")
        }
    }

    private static var configuration: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.label = "pawl.sqlite"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cache_size = \(db.configuration.readonly ? -4096 : -32768)")  // KiB
        }
        return configuration
    }

    /// A misspelt path must not become a database.
    private static func checkExists(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw SQLiteStoreError("There is no database at \(path).", code: .absent)
        }
    }

    /// Taken for a new one, it would sign everybody out.
    private static func checkIsNotEmpty(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path),
            try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == 0
        else { return }
        throw SQLiteStoreError(
            "\(path) is empty, which no database is. Restore a backup, or delete the file to begin a new one.")
    }

    /// An older file that was put beside a newer journal is damaged by it, and looks like one that has lost sessions.
    private static func checkIsSound(_ db: Database, at path: String, _ logger: Logger) throws {
        guard size(of: path) + size(of: path + "-wal") <= checkedAtStart else {
            logger.notice("The last end was not clean. To look for damage, which takes a while here, run pawl doctor")
            return
        }
        if let damage = try damage("integrity_check", in: db).first {
            throw SQLiteStoreError(
                """
                \(path) is damaged: \(damage). Was an older file put in its place, and the -wal file left beside it? Restore \
                a backup without that file: see docs/operations.md.
                """)
        }
    }

    /// Bytes that are looked through within a second or so.
    private static let checkedAtStart: Int64 = 256 << 20

    /// Served once more, it would be a second history of each session.
    private static func checkIsNotLeft(_ db: Database) throws {
        let left = try String.fetchOne(
            db, sql: "SELECT value FROM settings WHERE name = ?", arguments: [InstallationCopy.moved])
        guard left == nil else {
            throw SQLiteStoreError(
                "This installation has been moved to PostgreSQL: give --database postgres://… to the server and to commands."
            )
        }
    }

    static func checkIsCurrent(_ db: Database) throws {
        let pending = try Migration.pending(in: db)
        guard pending.isEmpty else {
            throw SQLiteStoreError(
                """
                The tables of this database are of an older version (\(pending.joined(separator: ", ")) is missing). \
                Start the server, or run: pawl migrate up
                """)
        }
    }

    /// What Pawl does with it.
    public var access: StoreAccess { StoreAccess(self) }

    /// Ends all connections; nothing may be called afterwards. Brings everything into the one file first: the last
    /// connection to close is a reader, which cannot, and a copy of the file must have it all.
    public func close() async throws {
        try await pool.writeWithoutTransaction { [commits] db in
            commits.finalize()
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        try pool.close()
    }

    /// Writes: where a database can only be read, no session can turn.
    package func ping() async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "INSERT OR REPLACE INTO settings (name, value) VALUES ('ping', unixepoch())")
        }
    }

    func read<Value: Sendable>(_ work: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value
    {
        do {
            try files.check()
            return try await pool.read(work)
        } catch {
            throw StoreError(hiding: error)
        }
    }
}

/// Why the database cannot be opened.
public struct SQLiteStoreError: Error, CustomStringConvertible {
    /// What a caller may want to tell apart.
    package enum Code: Sendable {
        case absent, inUse, inaccessible, other
    }

    /// What went wrong, and what to do.
    public let description: String
    package let code: Code

    init(_ description: String, code: Code = .other) {
        self.description = description
        self.code = code
    }
}

extension StoreError {
    /// GRDB's description can carry a statement's arguments: only code and message go on.
    init(hiding error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let error as DatabaseError: self.init("SQLite: \(Self.text(of: error))")
        case is CancellationError: self.init("The caller went away.")
        default: self.init("SQLite: \(type(of: error))")
        }
    }

    static func text(of error: DatabaseError) -> String {
        "\(error.extendedResultCode) \(error.message ?? ""). \(advice(on: error))"
    }

    /// What the reader of the log can do about it. Where the cause goes away, the server goes on by itself.
    private static func advice(on error: DatabaseError) -> String {
        switch error.resultCode {
        case .SQLITE_FULL: "Make room on the disk."
        case .SQLITE_BUSY, .SQLITE_LOCKED: "Another program holds its lock: only Pawl may use the file."
        case .SQLITE_READONLY: "The file or its disk cannot be written to: look at its permissions and its mount."
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: "The file is damaged: look at the disk, then restore a backup."
        case .SQLITE_IOERR: "Look at the disk and the system's log."
        case .SQLITE_CANTOPEN:
            "Is its folder there, may this user read and write it, and are there files left to open?"
        default: "Report this."
        }
    }
}
