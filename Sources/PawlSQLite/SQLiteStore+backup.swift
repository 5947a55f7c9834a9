import Foundation
import GRDB
import GRDBSQLite
package import PawlCore

extension SQLiteStore {
    /// SQLite's online backup, from the connection that writes: a reader would have to hold one state of the database
    /// from the first page to the last, and the journal would grow for as long; another connection's writes would
    /// begin the copy anew. Pages that a commit changes meanwhile go into the copy with it.
    package func backup(
        to path: String, progress: @Sendable (BackupProgress) async -> Void
    ) async throws(BackupError) -> BackupSummary {
        let file = try BackupFile(path, of: pool.path)
        do {
            let copy = try PageCopy(to: file.temporaryPath)
            do {
                try await fill(copy, progress)
            } catch {
                _ = await onWriter { _ in copy.end() }
                throw error
            }
            await progress(.checking)
            let sessions = try await copy.check()
            let bytes = try await copy.publish(file)
            try copy.close()
            return BackupSummary(bytes: bytes, sessions: sessions)
        } catch {
            file.remove()
            switch error {
            case let error as BackupError: throw error
            case is CancellationError: throw BackupError("The backup was broken off.")
            case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
                throw BackupError("The disk is full: there is no room for the backup. Choose another one.")
            default: throw BackupError("The backup failed: \(StoreError(hiding: error)).")
            }
        }
    }

    private func fill(_ copy: PageCopy, _ progress: @Sendable (BackupProgress) async -> Void) async throws {
        while true {
            try Task.checkCancellation()
            let step = try await onWriter { db in Result { try copy.step(from: db) } }.get()
            try await copy.flush()
            await progress(.copying(done: step.done, of: step.total))
            if step.isComplete { return }
        }
    }

    /// Runs `work` on the writer's queue, between commits; a cancelled task too may have to tidy up there.
    private func onWriter<Value: Sendable>(_ work: @escaping @Sendable (Database) -> Value) async -> Value {
        await withCheckedContinuation { answer in
            pool.asyncWriteWithoutTransaction { db in answer.resume(returning: work(db)) }
        }
    }
}

/// A copy under way, on SQLite's own interface: GRDB's copies everything in one go.
///
/// `@unchecked` because of SQLite's handle: it is touched on the writer connection's queue alone.
@safe final class PageCopy: @unchecked Sendable {
    struct Step: Sendable {
        let done: Int64
        let total: Int64
        let isComplete: Bool
    }

    /// A mebibyte: about a millisecond, for which commits wait.
    static let pagesPerStep: Int32 = 256

    private let path: String
    private let destination: DatabaseQueue
    private var handle: OpaquePointer?

    init(to path: String) throws {
        self.path = path
        var configuration = GRDB.Configuration()
        configuration.label = "pawl.backup"
        // Whatever goes wrong, the file is thrown away; it is flushed as a whole before it gets its name.
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE")
        }
        destination = try DatabaseQueue(path: path, configuration: configuration)
    }

    func step(from source: Database) throws -> Step {
        if unsafe handle == nil {
            try destination.inDatabase { db in
                unsafe handle = sqlite3_backup_init(db.sqliteConnection, "main", source.sqliteConnection, "main")
                guard unsafe handle != nil else {
                    throw DatabaseError(resultCode: db.lastErrorCode, message: db.lastErrorMessage)
                }
            }
        }
        let code = unsafe sqlite3_backup_step(handle, Self.pagesPerStep)
        let total = Int64(unsafe sqlite3_backup_pagecount(handle))
        let step = Step(
            done: total - Int64(unsafe sqlite3_backup_remaining(handle)), total: total,
            isComplete: code == SQLITE_DONE)
        guard [SQLITE_OK, SQLITE_DONE].contains(code) else { throw failure(code) }
        if step.isComplete {
            let code = end()
            guard code == SQLITE_OK else { throw failure(code) }
        }
        return step
    }

    private func failure(_ code: Int32) -> DatabaseError {
        DatabaseError(resultCode: ResultCode(rawValue: code), message: "copying the database")
    }

    /// Must run, on the writer's queue, whether or not all pages were copied.
    @discardableResult
    func end() -> Int32 {
        defer { unsafe handle = nil }
        return unsafe sqlite3_backup_finish(handle)
    }

    /// Sends to disk what is in the file so far. All at once, at the end, it would hold up the commits' own flushes.
    func flush() async throws {
        try await destination.writeWithoutTransaction { [path] _ in try BackupFile.flush(path) }
    }

    /// Makes the copy one file that needs no journal, and looks through all of it.
    /// - Returns: the number of its sessions.
    func check() async throws -> Int {
        try await destination.writeWithoutTransaction { db in
            db.clearSchemaCache()
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
            let damage = try SQLiteStore.damage("integrity_check", in: db)
            guard damage.isEmpty else {
                throw BackupError(
                    """
                    The copy is damaged, and so is most likely the database: \(damage.joined(separator: "; ")). Keep \
                    the backups that you have, and run: pawl doctor
                    """)
            }
            return try SQLiteStore.count("sessions", in: db)
        }
    }

    /// On this queue, because it waits for the disk.
    func publish(_ file: BackupFile) async throws -> Int64 {
        try await destination.writeWithoutTransaction { _ in try file.publish() }
    }

    func close() throws { try destination.close() }
}
