import DequeModule
import PawlCore
import Synchronization

/// A few connections for all but plain rotations, so that neither a flood of logins nor housekeeping holds those up
/// (P10). What comes while all are busy waits in order, in a queue with a bound.
final class ConnectionPool: Sendable {
    private struct Job: Sendable {
        let run: @Sendable (ConnectionWorker) -> Void
        let refuse: @Sendable (PostgresError) -> Void
    }

    private struct State {
        var waiting: Deque<Job> = []
        var idle: [ConnectionWorker]
        /// Workers that could not connect a moment ago, though others can.
        var resting = 0
        var isClosed = false
    }

    private let workers: [ConnectionWorker]
    private let state: Mutex<State>
    /// Workers of others, which may not have noticed yet that the database is away.
    private let neighbours: [ConnectionWorker]

    private static let waitingLimit = 1024
    /// How often a transaction that met another one is run.
    private static let tries = 3
    private static let pause = Duration.seconds(1)

    init(_ workers: [ConnectionWorker], neighbours: [ConnectionWorker]) {
        self.workers = workers
        self.neighbours = neighbours
        state = Mutex(State(idle: workers))
    }

    /// Runs `work` in a transaction; when it met another one, again.
    func transaction<Value: Sendable>(
        _ work: @escaping @Sendable (Connection) throws -> Value
    ) async throws -> Value {
        try await run { connection in
            for _ in 1..<Self.tries {
                do {
                    return try connection.transaction(work)
                } catch let error as PostgresError where error.kind == .conflict {}
            }
            return try connection.transaction(work)
        }
    }

    func run<Value: Sendable>(_ work: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { answer in
            let job = Job { worker in
                answer.resume(returning: Result { try worker.use(work) })
            } refuse: { error in
                answer.resume(returning: .failure(error))
            }
            submit(job)
        }
        return try result.get()
    }

    private func submit(_ job: Job) {
        let (worker, refusal): (ConnectionWorker?, PostgresError?) = state.withLock { state in
            if state.isClosed { return (nil, PostgresError(.refused, "The store is closed.")) }
            if state.resting == workers.count {
                return (nil, PostgresError(.away, "The database takes no connections."))
            }
            guard state.waiting.count < Self.waitingLimit else {
                return (nil, PostgresError(.refused, "Too much waits for the database."))
            }
            state.waiting.append(job)
            return (state.idle.popLast(), nil)
        }
        if let refusal { return job.refuse(refusal) }
        worker?.async { [self] worker in work(on: worker) }
    }

    private func work(on worker: ConnectionWorker) {
        do {
            try worker.use { _ in }  // connects: one that cannot must not take a job
        } catch let error as PostgresError where error.kind == .refused {
            return rest(worker, error)
        } catch {
            let refusal = error as? PostgresError ?? PostgresError(.away, StoreError(hiding: error).description)
            while let job = next(for: worker) { job.refuse(refusal) }
            return
        }
        while let job = next(for: worker) { job.run(worker) }
    }

    /// Leaves the work to the others for a moment. The database takes no more connections, and a worker that fails at once
    /// would take the next job before those that can do it.
    private func rest(_ worker: ConnectionWorker, _ error: PostgresError) {
        let (other, refused): (ConnectionWorker?, Deque<Job>) = state.withLock { state in
            state.resting += 1
            guard state.resting == workers.count else {
                return (state.waiting.isEmpty ? nil : state.idle.popLast(), [])
            }
            defer { state.waiting = [] }
            return (nil, state.waiting)
        }
        other?.async { [self] worker in work(on: worker) }
        for job in refused { job.refuse(PostgresError(.away, error.description)) }
        if !refused.isEmpty { for neighbour in neighbours { neighbour.async { $0.forgetIfLost() } } }
        worker.async(after: Self.pause) { [self] worker in
            let isClosed = state.withLock { state in
                state.resting -= 1
                return state.isClosed
            }
            if !isClosed { work(on: worker) }
        }
    }

    private func next(for worker: ConnectionWorker) -> Job? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.idle.append(worker)
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    func connect() async throws {
        for worker in workers { try await worker.connect() }
    }

    /// Refuses what waits, and what comes from now on.
    func refuseWaiting() {
        let refused = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for job in refused { job.refuse(PostgresError(.refused, "The server is about to stop.")) }
    }

    /// Lets what waits finish, then closes all connections; whatever comes afterwards is refused.
    func close() async {
        state.withLock { $0.isClosed = true }
        for worker in workers { await worker.close() }
    }
}
