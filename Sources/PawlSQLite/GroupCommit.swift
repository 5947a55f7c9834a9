import GRDB
import GRDBSQLite
import PawlCore
import Synchronization

/// Turns that arrive while the last commit is under way share the next one: one flush of the disk for all of them,
/// each with its own verdict. Nothing waits for a timer.
///
/// `@unchecked` because of the prepared statement: it is touched on the writer connection's queue alone.
final class GroupCommit: @unchecked Sendable {
    struct Waiting {
        let turn: Turn
        let policy: RotationPolicy
        let answer: CheckedContinuation<Result<Outcome, StoreError>, Never>
    }

    /// So that no commit grows without bound.
    static let limit = 256

    private let inbox = Mutex<[Waiting]>([])
    private var statement: RotationStatement?
    private let metrics: PawlMetrics

    init(metrics: PawlMetrics) {
        self.metrics = metrics
    }

    /// - Returns: whether a commit must be scheduled: nobody else has done so for this group.
    func add(_ waiting: Waiting) -> Bool {
        inbox.withLock { inbox in
            inbox.append(waiting)
            return inbox.count == 1
        }
    }

    /// Runs one group in one transaction and answers it after the commit.
    /// - Returns: whether more have arrived that need another commit.
    func commit(in db: Database) -> Bool {
        let (group, hasMore) = inbox.withLock { inbox in
            let group = Array(inbox.prefix(Self.limit))
            inbox.removeFirst(group.count)
            return (group, !inbox.isEmpty)
        }
        var outcomes: [Outcome] = []
        let start = ContinuousClock.now
        do {
            let statement = try self.statement ?? RotationStatement(on: db)
            self.statement = statement
            try db.inTransaction(.immediate) {
                outcomes = try group.map { try statement.rotate($0.turn, under: $0.policy, in: db) }
                return .commit
            }
            metrics.recordCommit(rotations: group.count, took: ContinuousClock.now - start)
            for (waiting, outcome) in zip(group, outcomes) { waiting.answer.resume(returning: .success(outcome)) }
        } catch {
            let failure = StoreError(hiding: error)
            for waiting in group { waiting.answer.resume(returning: .failure(failure)) }
        }
        return hasMore
    }

    /// Must run before the connection closes, on its queue.
    func finalize() { statement = nil }
}

/// The compare-and-set of a rotation, prepared once on SQLite's own interface: through GRDB it costs twice as much.
@safe final class RotationStatement {
    static let sql = """
        UPDATE sessions SET generation = generation + 1, hash = ?1, seal = ?2, attempt_4 = attempt_3,
            attempt_3 = attempt_2, attempt_2 = attempt_1, attempt_1 = ?3, rotated_at = ?4, idle_expires_at = ?5, turned_by = 'refresh',
            ip = ?6, user_agent = ?7
        WHERE id = ?8 AND generation = ?9 AND hash = ?10 AND delivery = ?11 AND ended_at IS NULL
            AND absolute_expires_at > ?4 AND idle_expires_at > ?4
        RETURNING \(SessionRow.columns)
        """

    private let statement: OpaquePointer

    init(on db: Database) throws {
        var statement: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(
            db.sqliteConnection, Self.sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement = unsafe statement else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "preparing the rotation")
        }
        unsafe self.statement = statement
    }

    deinit { unsafe sqlite3_finalize(statement) }

    func rotate(_ turn: Turn, under policy: RotationPolicy, in db: Database) throws -> Outcome {
        if turn.stepUp == nil, let session = try compareAndSet(turn) { return Outcome(.rotate, session) }
        return try SQLiteStore.decide(turn, under: policy, in: db)
    }

    /// The session after the turn, or nil if a condition did not hold.
    func compareAndSet(_ turn: Turn) throws -> Session? {
        defer { unsafe sqlite3_reset(statement) }
        try bind(1, turn.successorHash)
        try bind(2, turn.successorSeal)
        try bind(3, turn.attempt.column)
        try bind(4, turn.now.seconds)
        try bind(5, turn.idleExpiry.seconds)
        try bind(6, turn.origin.address)
        try bind(7, turn.origin.userAgent)
        try bind(8, turn.sessionID.bytes)
        try bind(9, Int64(turn.generation))
        try bind(10, turn.hash)
        try bind(11, turn.delivery.rawValue)
        switch unsafe sqlite3_step(statement) {
        case SQLITE_DONE:
            return nil
        case SQLITE_ROW:
            let session = try SessionRow.decode(unsafe CurrentRow(statement: statement))
            try check(unsafe sqlite3_step(statement), is: SQLITE_DONE)
            return session
        case let code:
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "turning a session")
        }
    }

    private func check(_ code: Int32, is expected: Int32 = SQLITE_OK) throws {
        guard code == expected else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "turning a session")
        }
    }

    /// Tells SQLite to copy what it is given.
    private static var transient: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private func bind(_ index: Int32, _ bytes: [UInt8]) throws {
        try check(unsafe sqlite3_bind_blob(statement, index, bytes, Int32(bytes.count), Self.transient))
    }

    private func bind(_ index: Int32, _ text: String) throws {
        try check(unsafe sqlite3_bind_text(statement, index, text, -1, Self.transient))
    }

    private func bind(_ index: Int32, _ value: Int64?) throws {
        if let value {
            try check(unsafe sqlite3_bind_int64(statement, index, value))
        } else {
            try check(unsafe sqlite3_bind_null(statement, index))
        }
    }

    @safe private struct CurrentRow: Columns {
        let statement: OpaquePointer

        func integer(_ index: Int) -> Int64? {
            unsafe sqlite3_column_type(statement, Int32(index)) == SQLITE_NULL
                ? nil : sqlite3_column_int64(statement, Int32(index))
        }

        func text(_ index: Int) -> String {
            unsafe sqlite3_column_text(statement, Int32(index)).map { unsafe String(cString: $0) } ?? ""
        }

        func bytes(_ index: Int) -> [UInt8] {
            let count = unsafe sqlite3_column_bytes(statement, Int32(index))
            guard count > 0, let start = unsafe sqlite3_column_blob(statement, Int32(index)) else { return [] }
            return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(count)))
        }
    }
}
