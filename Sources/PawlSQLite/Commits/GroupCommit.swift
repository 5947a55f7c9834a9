import DequeModule
import GRDB
import PawlCore
import Synchronization

/// Changes that arrive while the last commit is under way share the next one: one flush of the disk for all of them, each
/// with its own outcome. Nothing waits for a timer. All that the server writes comes this way, so that neither logins nor
/// sign-outs keep refreshes from the disk (P10).
///
/// `@unchecked` because of the prepared statements: they are touched on the writer connection's queue alone.
final class GroupCommit: @unchecked Sendable {
    struct Change: Sendable {
        let isRotation: Bool
        /// Makes the change, undoing its own if it fails, and returns what is to be called after the commit, with the
        /// commit's failure if it failed. Throws if the transaction cannot go on.
        let make: @Sendable (Database, RotationStatement) throws -> @Sendable (StoreError?) -> Void
        /// Answers a change that was not made.
        let refuse: @Sendable (StoreError) -> Void
    }

    /// So that no commit grows without bound.
    static let limit = 256
    /// How many may wait while a disk stalls. A server has fewer connections; this is for those that embed one.
    static let waitingLimit = 8192

    private struct Inbox {
        var waiting: Deque<Change> = []
        /// Whether a commit is scheduled or under way, which takes care of all that arrives meanwhile.
        var isCommitting = false
    }

    private let inbox = Mutex(Inbox())
    private var statement: RotationStatement?
    private let metrics: PawlMetrics

    init(metrics: PawlMetrics) {
        self.metrics = metrics
    }

    /// Takes a change, or refuses it where too many wait.
    /// - Returns: whether a commit must be scheduled: nobody else has done so for this group.
    func add(_ change: Change) -> Bool {
        let (isFull, isFirst) = inbox.withLock { inbox in
            guard inbox.waiting.count < Self.waitingLimit else { return (true, false) }
            inbox.waiting.append(change)
            defer { inbox.isCommitting = true }
            return (false, !inbox.isCommitting)
        }
        if isFull { change.refuse(StoreError("Too many changes wait for the disk.")) }
        return isFirst
    }

    /// Runs one group in one transaction and answers it after the commit.
    /// - Returns: whether more have arrived that need another commit.
    func commit(in db: Database, to files: FileIdentityCheck) -> Bool {
        var group = take(Self.limit)
        var answers: [@Sendable (StoreError?) -> Void] = []
        let start = ContinuousClock.now
        do {
            try files.check()
            let statement = try self.statement ?? RotationStatement(on: db)
            self.statement = statement
            try db.inTransaction(.immediate) {
                while answers.count < group.count {
                    for change in group[answers.count...] { answers.append(try change.make(db, statement)) }
                    // Those that arrived while these were made come along.
                    group += take(Self.limit - group.count)
                }
                return .commit
            }
            metrics.recordCommit(rotations: group.count { $0.isRotation }, took: ContinuousClock.now - start)
            for answer in answers { answer(nil) }
        } catch {
            let failure = StoreError(hiding: error)
            for answer in answers { answer(failure) }
            for change in group[answers.count...] { change.refuse(failure) }
        }
        return inbox.withLock { inbox in
            inbox.isCommitting = !inbox.waiting.isEmpty
            return inbox.isCommitting
        }
    }

    private func take(_ limit: Int) -> [Change] {
        inbox.withLock { inbox in
            let taken = inbox.waiting.prefix(limit)
            inbox.waiting.removeFirst(taken.count)
            return Array(taken)
        }
    }

    /// Must run before the connection closes, on its queue.
    func finalize() { statement = nil }
}

extension SQLiteStore {
    /// Makes a change together with others, durable when it returns. If it throws, nothing of it is kept, and the others
    /// are none the worse.
    func write<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try await commit(isRotation: false) { db, _ in try Self.undoable(in: db) { try work(db) } }
    }

    func commit<Value: Sendable>(
        isRotation: Bool, _ work: @escaping @Sendable (Database, RotationStatement) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { answer in
            let change = GroupCommit.Change(isRotation: isRotation) { db, statement in
                let result = Result { try work(db, statement) }.mapError { StoreError(hiding: $0) }
                // A full disk, among others, ends the whole transaction: what came after would be committed by itself.
                guard db.isInsideTransaction else {
                    if case .failure(let error) = result { throw error }
                    throw StoreError("The transaction was ended.")
                }
                return { failure in answer.resume(returning: failure.map { .failure($0) } ?? result) }
            } refuse: { failure in
                answer.resume(returning: .failure(failure))
            }
            if commits.add(change) { scheduleCommit() }
        }
        return try result.get()
    }

    private func scheduleCommit() {
        pool.asyncWriteWithoutTransaction { [self] db in
            if commits.commit(in: db, to: files) { scheduleCommit() }
        }
    }

    /// Several statements of which all are kept or none.
    static func undoable<Value>(in db: Database, _ work: () throws -> Value) throws -> Value {
        var value: Value?
        try db.inSavepoint {
            value = try work()
            return .commit
        }
        guard let value else { throw StoreError("The change was not made.") }
        return value
    }
}
