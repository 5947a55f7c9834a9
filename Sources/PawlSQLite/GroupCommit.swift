import GRDB
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

    private struct Inbox {
        var waiting: [Waiting] = []
        /// Whether a commit is scheduled or under way, which takes care of all that arrives meanwhile.
        var isCommitting = false
    }

    private let inbox = Mutex(Inbox())
    private var statement: RotationStatement?
    private let metrics: PawlMetrics

    init(metrics: PawlMetrics) {
        self.metrics = metrics
    }

    /// - Returns: whether a commit must be scheduled: nobody else has done so for this group.
    func add(_ waiting: Waiting) -> Bool {
        inbox.withLock { inbox in
            inbox.waiting.append(waiting)
            defer { inbox.isCommitting = true }
            return !inbox.isCommitting
        }
    }

    /// Runs one group in one transaction and answers it after the commit.
    /// - Returns: whether more have arrived that need another commit.
    func commit(in db: Database, to files: OpenedFiles) -> Bool {
        var group = take(Self.limit)
        var outcomes: [Outcome] = []
        let start = ContinuousClock.now
        do {
            try files.check()
            let statement = try self.statement ?? RotationStatement(on: db)
            self.statement = statement
            try db.inTransaction(.immediate) {
                while outcomes.count < group.count {
                    for waiting in group[outcomes.count...] {
                        outcomes.append(try statement.rotate(waiting.turn, under: waiting.policy, in: db))
                    }
                    // Those that arrived while these were turned come along.
                    group += take(Self.limit - group.count)
                }
                return .commit
            }
            metrics.recordCommit(rotations: group.count, took: ContinuousClock.now - start)
            for (waiting, outcome) in zip(group, outcomes) { waiting.answer.resume(returning: .success(outcome)) }
        } catch {
            let failure = StoreError(hiding: error)
            for waiting in group { waiting.answer.resume(returning: .failure(failure)) }
        }
        return inbox.withLock { inbox in
            inbox.isCommitting = !inbox.waiting.isEmpty
            return inbox.isCommitting
        }
    }

    private func take(_ limit: Int) -> [Waiting] {
        inbox.withLock { inbox in
            let taken = inbox.waiting.prefix(limit)
            inbox.waiting.removeFirst(taken.count)
            return Array(taken)
        }
    }

    /// Must run before the connection closes, on its queue.
    func finalize() { statement = nil }
}

/// The compare-and-set of a rotation, and the reading of the row that it turned, prepared once on SQLite's own interface:
/// through GRDB they cost twice as much. Two statements, though SQLite has `RETURNING`: that gathers its rows in a
/// table of its own first, and takes twice as long as both. The writer's transaction makes them one.
final class RotationStatement {
    static let update = """
        UPDATE sessions SET generation = generation + 1, hash = ?1, seal = ?2, attempt_4 = attempt_3,
            attempt_3 = attempt_2, attempt_2 = attempt_1, attempt_1 = ?3, rotated_at = ?4, idle_expires_at = ?5, turned_by = 'refresh',
            ip = ?6, user_agent = ?7
        WHERE id = ?8 AND generation = ?9 AND hash = ?10 AND delivery = ?11 AND ended_at IS NULL
            AND absolute_expires_at > ?4 AND idle_expires_at > ?4
        """
    static let select = "SELECT \(SessionRow.columns) FROM sessions WHERE id = ?1"

    private let update: PreparedStatement
    private let select: PreparedStatement

    init(on db: Database) throws {
        update = try PreparedStatement(Self.update, on: db)
        select = try PreparedStatement(Self.select, on: db)
    }

    func rotate(_ turn: Turn, under policy: RotationPolicy, in db: Database) throws -> Outcome {
        if turn.stepUp == nil, let session = try compareAndSet(turn, in: db) { return Outcome(.rotate, session) }
        return try SQLiteStore.decide(turn, under: policy, in: db)
    }

    /// The session after the turn, or nil if a condition did not hold.
    func compareAndSet(_ turn: Turn, in db: Database) throws -> Session? {
        defer {
            update.reset()
            select.reset()
        }
        try update.bind(1, turn.successorHash)
        try update.bind(2, turn.successorSeal)
        try update.bind(3, turn.attempt.column)
        try update.bind(4, turn.now.seconds)
        try update.bind(5, turn.idleExpiry.seconds)
        try update.bind(6, turn.origin.address)
        try update.bind(7, turn.origin.userAgent)
        try update.bind(8, turn.sessionID.bytes)
        try update.bind(9, Int64(turn.generation))
        try update.bind(10, turn.hash)
        try update.bind(11, turn.delivery.rawValue)
        guard try !update.step(), db.changesCount == 1 else { return nil }
        try select.bind(1, turn.sessionID.bytes)
        guard try select.step() else { throw StoreError("A session that was turned is not there.") }
        return try SessionRow.decode(select)
    }
}
