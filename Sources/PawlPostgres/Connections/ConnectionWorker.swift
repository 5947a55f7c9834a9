import Dispatch
import Synchronization

/// A queue with a connection that only it touches: made at its first use, and anew when it has broken. libpq's waits
/// happen here, never on Swift's own threads.
///
/// `@unchecked` because of the connection: it is touched on the queue alone.
final class ConnectionWorker: @unchecked Sendable {
    private let queue = DispatchQueue(label: "pawl.postgres")
    private var connection: Connection?
    private let string: String
    private let circuit: CircuitBreaker
    private let isGivenUp = Atomic(false)
    /// Run once on each new connection.
    private let prepare: @Sendable (Connection) throws -> Void

    /// Retry only if the first attempt failed within this time.
    private static let soon = Duration.seconds(1)

    init(_ string: String, circuit: CircuitBreaker, prepare: @escaping @Sendable (Connection) throws -> Void = { _ in })
    {
        self.string = string
        self.circuit = circuit
        self.prepare = prepare
    }

    func async(_ work: @escaping @Sendable (ConnectionWorker) -> Void) { queue.async { [self] in work(self) } }

    func async(after pause: Duration, _ work: @escaping @Sendable (ConnectionWorker) -> Void) {
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(pause / .milliseconds(1)))) { [self] in work(self) }
    }

    /// Runs `work` with the connection; on a new one again, if it was lost before anything could have been committed.
    /// On its queue alone.
    /// - Throws: ``PostgresError``, or what `work` throws of its own.
    func use<Value>(_ work: (Connection) throws -> Value) throws -> Value {
        dispatchPrecondition(condition: .onQueue(queue))
        let start = ContinuousClock.now
        do {
            return try useOnce(work)
        } catch let error as PostgresError where error.kind == .away && .now - start < Self.soon {
            return try useOnce(work)
        }
    }

    private func useOnce<Value>(_ work: (Connection) throws -> Value) throws -> Value {
        let start = ContinuousClock.now
        forgetIfLost()
        let connection = try self.connection ?? makeConnection()
        do {
            return try work(connection)
        } catch let error as PostgresError where error.endsConnection {
            self.connection = nil
            circuit.lose(since: start, error.description)
            throw error
        }
    }

    /// Drops a connection that the server has ended since its last use: it may have come back, and then that is no reason
    /// to fail what comes now. On its queue alone.
    func forgetIfLost() {
        guard connection?.isLost == true else { return }
        connection = nil
        circuit.lose(since: .now, "The connection to PostgreSQL was lost.")
    }

    private func makeConnection() throws -> Connection {
        try circuit.beginTry()
        do {
            let connection = try Connection(string)
            connection.isGivenUp = { [unowned self] in isGivenUp.load(ordering: .relaxed) }
            try prepare(connection)
            circuit.connect()
            self.connection = connection
            return connection
        } catch let error as PostgresError {
            throw circuit.fail(error) ? error : PostgresError(.refused, error.description)
        }
    }

    /// Connects, if it is not connected yet.
    func connect() async throws { try await run { _ in } }

    /// Runs `work` after what waits already.
    func run<Value: Sendable>(_ work: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { answer in
            async { worker in answer.resume(returning: Result { try worker.use(work) }) }
        }
        return try result.get()
    }

    /// From now on, a statement that reads for long fails within a second. What it reads for is not wanted any more.
    func giveUp() { isGivenUp.store(true, ordering: .relaxed) }

    /// Closes the connection, after what waits for it.
    func close() async {
        await withCheckedContinuation { answer in
            async { worker in
                if worker.connection != nil { worker.circuit.release() }
                worker.connection = nil
                answer.resume()
            }
        }
    }
}
