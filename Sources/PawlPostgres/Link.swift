import Dispatch

/// A queue with a connection that only it touches: made at its first use, and anew when it has broken. libpq's waits
/// happen here, never on Swift's own threads.
///
/// `@unchecked` because of the connection: it is touched on the queue alone.
final class Link: @unchecked Sendable {
    private let queue = DispatchQueue(label: "pawl.postgres")
    private var connection: Connection?
    private let string: String
    private let circuit: Circuit
    /// Run once on each new connection.
    private let prepare: @Sendable (Connection) throws -> Void

    init(_ string: String, circuit: Circuit, prepare: @escaping @Sendable (Connection) throws -> Void = { _ in }) {
        self.string = string
        self.circuit = circuit
        self.prepare = prepare
    }

    func async(after pause: Duration = .zero, _ work: @escaping @Sendable (Link) -> Void) {
        let run = DispatchWorkItem { [self] in work(self) }
        if pause == .zero {
            queue.async(execute: run)
        } else {
            queue.asyncAfter(deadline: .now() + .milliseconds(Int(pause / .milliseconds(1))), execute: run)
        }
    }

    /// Whether it has a connection. On its queue alone.
    var isConnected: Bool { connection != nil }

    /// Runs `work` with the connection. On its queue alone.
    /// - Throws: ``PostgresError``, or what `work` throws of its own.
    func use<Value>(_ work: (Connection) throws -> Value) throws -> Value {
        let start = ContinuousClock.now
        if connection?.isLost == true {
            // The server has gone since the last use, and perhaps come back: no reason to fail what comes now.
            connection = nil
            circuit.lose(since: start)
        }
        let connection = try self.connection ?? connect()
        do {
            return try work(connection)
        } catch let error as PostgresError where error.endsConnection {
            self.connection = nil
            circuit.lose(since: start)
            throw error
        }
    }

    private func connect() throws -> Connection {
        try circuit.beginTry()
        do {
            let connection = try Connection(string)
            try prepare(connection)
            circuit.connect()
            self.connection = connection
            return connection
        } catch let error as PostgresError {
            throw circuit.fail(error) ? error : PostgresError(.refused, error.description)
        }
    }

    /// Closes the connection. On its queue alone.
    func close() {
        guard connection != nil else { return }
        connection = nil
        circuit.release()
    }
}
