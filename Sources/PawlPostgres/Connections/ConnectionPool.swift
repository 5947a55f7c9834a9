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
        var waiting: [Job] = []
        var idle: [ConnectionWorker]
        /// Links that could not connect a moment ago, though others can.
        var resting = 0
        var isClosed = false
    }

    private let links: [ConnectionWorker]
    private let state: Mutex<State>
    /// Links of others, which may not have noticed yet that the database is away.
    private let neighbours: [ConnectionWorker]

    private static let waitingLimit = 1024
    /// How often a transaction that met another one is run.
    private static let tries = 3
    private static let pause = Duration.seconds(1)

    init(_ links: [ConnectionWorker], neighbours: [ConnectionWorker]) {
        self.links = links
        self.neighbours = neighbours
        state = Mutex(State(idle: links))
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
            let job = Job { link in
                answer.resume(returning: Result { try link.use(work) })
            } refuse: { error in
                answer.resume(returning: .failure(error))
            }
            submit(job)
        }
        return try result.get()
    }

    private func submit(_ job: Job) {
        let (link, refusal): (ConnectionWorker?, PostgresError?) = state.withLock { state in
            if state.isClosed { return (nil, PostgresError(.refused, "The store is closed.")) }
            if state.resting == links.count { return (nil, PostgresError(.away, "The database takes no connections.")) }
            guard state.waiting.count < Self.waitingLimit else {
                return (nil, PostgresError(.refused, "Too much waits for the database."))
            }
            state.waiting.append(job)
            return (state.idle.popLast(), nil)
        }
        if let refusal { return job.refuse(refusal) }
        link?.async { [self] link in work(on: link) }
    }

    private func work(on link: ConnectionWorker) {
        do {
            try link.use { _ in }
        } catch let error as PostgresError where error.kind == .refused {
            return rest(link, error)
        } catch {
            let refusal = error as? PostgresError ?? PostgresError(.away, StoreError(hiding: error).description)
            while let job = next(for: link) { job.refuse(refusal) }
            return
        }
        while let job = next(for: link) { job.run(link) }
    }

    /// Leaves the work to the others for a moment: the database takes no more connections, and a worker that fails at once would
    /// be free for the next job before those that can do it.
    private func rest(_ link: ConnectionWorker, _ error: PostgresError) {
        let (other, refused): (ConnectionWorker?, [Job]) = state.withLock { state in
            state.resting += 1
            guard state.resting == links.count else { return (state.waiting.isEmpty ? nil : state.idle.popLast(), []) }
            defer { state.waiting = [] }
            return (nil, state.waiting)
        }
        other?.async { [self] link in work(on: link) }
        for job in refused { job.refuse(PostgresError(.away, error.description)) }
        if !refused.isEmpty { for neighbour in neighbours { neighbour.async { $0.forgetIfLost() } } }
        link.async(after: Self.pause) { [self] link in
            let isClosed = state.withLock { state in
                state.resting -= 1
                return state.isClosed
            }
            if !isClosed { work(on: link) }
        }
    }

    private func next(for link: ConnectionWorker) -> Job? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.idle.append(link)
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    func connect() async throws {
        for link in links { try await link.connect() }
    }

    /// Lets what waits finish, then closes all connections; whatever comes afterwards is refused.
    func close() async {
        state.withLock { $0.isClosed = true }
        for link in links { await link.close() }
    }
}
