import PawlCore
import PawlSQL
import Synchronization

/// Rotations that arrive while the last batch is under way make up the next one: one statement, one commit and one
/// round trip to the database for all of them, each with its own result. Nothing waits for a timer. Under load a second batch is
/// made up while the first is at the database; where little waits, it would only make both smaller.
final class RotationBatcher: Sendable {
    /// What became of a rotation in its batch.
    enum BatchResult: Sendable {
        case turned(Session)
        /// A condition of the compare-and-set did not hold.
        case untouched
        /// The batch failed as a whole, and nothing of it happened: this one is to be tried by itself.
        case alone
        /// Whether it was committed is not known.
        case inDoubt
        case failed(PostgresError)
    }

    private struct Waiting: Sendable {
        let turn: Turn
        let answer: @Sendable (BatchResult) -> Void
    }

    private struct State {
        var waiting: [Waiting] = []
        var idle: [ConnectionWorker]
        var underWay = 0
        /// The sessions of the batches under way.
        var sessions: Set<SessionID> = []
        var isClosed = false

        /// Whether another batch should begin.
        var isWorthABatch: Bool { !waiting.isEmpty && (underWay == 0 || waiting.count >= RotationBatcher.secondBatch) }

        /// The connection for another batch, if one should begin.
        mutating func start() -> ConnectionWorker? {
            guard isWorthABatch, let worker = idle.popLast() else { return nil }
            underWay += 1
            return worker
        }
    }

    /// So that no batch grows without bound.
    static let limit = 512
    /// So many must wait for another batch to begin beside one that is under way.
    private static let secondBatch = 32
    private static let waitingLimit = 8192

    let workers: [ConnectionWorker]
    private let state: Mutex<State>
    private let metrics: PawlMetrics

    init(_ workers: [ConnectionWorker], metrics: PawlMetrics) {
        self.workers = workers
        self.metrics = metrics
        state = Mutex(State(idle: workers))
    }

    func turn(_ turn: Turn) async -> BatchResult {
        await withCheckedContinuation { continuation in
            let waiting = Waiting(turn: turn) { continuation.resume(returning: $0) }
            let (worker, refusal): (ConnectionWorker?, PostgresError?) = state.withLock { state in
                if state.isClosed { return (nil, PostgresError(.refused, "The store is closed.")) }
                guard state.waiting.count < Self.waitingLimit else {
                    return (nil, PostgresError(.refused, "Too many rotations wait for the database."))
                }
                state.waiting.append(waiting)
                return (state.start(), nil)
            }
            if let refusal { waiting.answer(.failed(refusal)) }
            worker?.async { [self] worker in run(on: worker) }
        }
    }

    /// How many wait for the next batch.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    private func run(on worker: ConnectionWorker) {
        while let batch = next(for: worker) {
            let start = ContinuousClock.now
            let results = results(of: batch.map(\.turn), on: worker)
            metrics.recordCommit(rotations: batch.count, took: .now - start)
            state.withLock { state in state.sessions.subtract(batch.map(\.turn.presentation.sessionID)) }
            for (waiting, result) in zip(batch, results) { waiting.answer(result) }
        }
    }

    /// The next batch, in the order of the ids, so that the batches of several nodes lock rows in one order; or nil, and the
    /// connection is idle. It holds each session once: a second turn of one waits for another batch.
    private func next(for worker: ConnectionWorker) -> [Waiting]? {
        let batch: [Waiting] = state.withLock { state in
            state.underWay -= 1
            var taken: [Waiting] = []
            if state.isWorthABatch {
                var left: [Waiting] = []
                for waiting in state.waiting {
                    if taken.count < Self.limit, state.sessions.insert(waiting.turn.presentation.sessionID).inserted {
                        taken.append(waiting)
                    } else {
                        left.append(waiting)
                    }
                }
                state.waiting = left
            }
            if taken.isEmpty {
                state.idle.append(worker)
            } else {
                state.underWay += 1
            }
            return taken
        }
        return batch.isEmpty ? nil : batch.sorted { $0.turn.presentation.sessionID < $1.turn.presentation.sessionID }
    }

    private func results(of turns: [Turn], on worker: ConnectionWorker) -> [BatchResult] {
        do {
            let rows = try worker.use {
                try $0.execute(RotationStatement.sql, RotationStatement.parameters(turns), commits: true)
            }
            var results = [BatchResult](repeating: .untouched, count: turns.count)
            for index in rows.indices {
                let row = rows[index]
                guard let place = row.integer(SessionRow.names.count), turns.indices.contains(Int(place) - 1) else {
                    throw StoreError("A batch's answer cannot be read.")
                }
                results[Int(place) - 1] = .turned(try SessionRow.decode(row))
            }
            return results
        } catch let error as PostgresError {
            let result: BatchResult =
                switch error.kind {
                case .away: .failed(error)
                case .inDoubt: .inDoubt
                case .conflict, .refused: .alone
                }
            return turns.map { _ in result }
        } catch {
            return turns.map { _ in .inDoubt }  // a row cannot be read: each is looked at by itself
        }
    }

    func connect() async throws {
        for worker in workers { try await worker.connect() }
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        for worker in workers { await worker.close() }
    }
}
