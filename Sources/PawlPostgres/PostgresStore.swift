public import Logging
public import PawlCore
import Synchronization

/// The store for more than one machine: PostgreSQL, shared by any number of nodes.
///
/// Plain rotations go in batches over connections of their own (``RotationBatcher``), everything else over a small pool. What
/// was acknowledged is as durable as the database's `synchronous_commit` says.
public final class PostgresStore: Store {
    let pool: ConnectionPool
    let batcher: RotationBatcher
    /// For what reads whole tables when an operator asks: connected for as long, one at a time.
    private let reader: ConnectionWorker
    let circuit = CircuitBreaker()
    /// The database's time, or that of a test.
    package let clock: WallClock
    let time: DatabaseTime
    let logger: Logger
    /// Names this process where only one at a time may do something.
    let node = Hex.encode(Randomness.system.bytes(8))
    let unknownOutcomes = UnknownOutcomes()
    /// How long a turn whose outcome is not known is asked about, before its caller is sent away to come again.
    let patience: Duration

    /// How many connections one store opens, if nothing else is said.
    public static let connections = 6
    private static let batchConnections = 2

    /// Opens the database, makes its tables if need be, and brings them up to date.
    /// - Parameters:
    ///   - url: `postgres://…`, or anything else that libpq takes for a connection string; several hosts may be named.
    ///   - connections: at least 3; two of them are for rotations. One more comes while whole tables are read for an
    ///     operator.
    /// - Throws: ``PostgresStoreError`` that says what to do.
    public convenience init(
        url: String, connections: Int = PostgresStore.connections, metrics: PawlMetrics = .init(), logger: Logger
    ) async throws {
        try await self.init(
            url: url, connections: connections, purpose: .serve, metrics: metrics, logger: logger)
    }

    package init(
        url: String, connections: Int = PostgresStore.connections, purpose: OpenMode, clock: WallClock? = nil,
        patience: Duration = .seconds(8), startPatience: Duration = .seconds(30), metrics: PawlMetrics = .init(),
        logger: Logger
    ) async throws {
        try Self.check(url)
        self.patience = patience
        time = DatabaseTime(machine: clock ?? .system, logger: logger)
        self.clock = clock ?? time.clock
        self.logger = logger
        let circuit = circuit
        let others = max(1, connections - Self.batchConnections)
        let workers = (0..<Self.batchConnections).map { _ in
            ConnectionWorker(url, circuit: circuit, prepare: RotationStatement.prepare)
        }
        batcher = RotationBatcher(workers, metrics: metrics)
        reader = ConnectionWorker(url, circuit: circuit)
        pool = ConnectionPool((0..<others).map { _ in ConnectionWorker(url, circuit: circuit) }, neighbours: workers)
        do {
            try await open(for: purpose, within: purpose == .serve ? startPatience : .zero)
        } catch {
            await close()
            if let error = error as? PostgresStoreError { throw error }
            throw PostgresStoreError("Cannot use the database. \(StoreError(hiding: error))")
        }
    }

    /// Opens the database, again and again while it is away: a server may start while its database does, or while that
    /// fails over.
    private func open(for purpose: OpenMode, within patience: Duration) async throws {
        let deadline = ContinuousClock.now + patience
        var isTold = false
        while true {
            do {
                return try await open(for: purpose)
            } catch let error as PostgresError where error.endsConnection && .now < deadline {
                if !isTold {
                    logger.warning(
                        "The database is away; this is tried again for \(patience.components.seconds) s",
                        metadata: ["error": "\(error.description)"])
                }
                isTold = true
                try await Task.sleep(for: .milliseconds(100))  // between tries; the circuit spaces them further
            }
        }
    }

    private func open(for purpose: OpenMode) async throws {
        try await pool.connect()
        try await batcher.connect()
        try await pool.run(Self.checkEncoding)
        switch purpose {
        case .serve:
            try await pool.run { [logger] connection in
                try Migration.run(on: connection, logger: logger)
                try Self.checkIsComplete(connection)
            }
        case .migrate, .move: try await pool.run { [logger] in try Migration.run(on: $0, logger: logger) }
        case .operate:
            try await pool.run { connection in
                try Self.checkIsCurrent(connection)
                try Self.checkIsComplete(connection)
            }
        case .inspect: return
        }
        let record = try await pool.run { [time] connection in try Self.readRecovery(on: connection, time) }
        try DatabaseTime.checkStart(database: time.clock.now, machine: WallClock.system.now, lastSign: record.heartbeat)
    }

    /// Refuses what libpq cannot read, without repeating it: it may hold a password.
    private static func check(_ url: String) throws {
        guard ConnectionString(url) != nil else {
            throw PostgresStoreError(
                """
                The database's URL cannot be read. It is like postgres://user@host:5432/name?sslmode=verify-full; \
                characters such as @ and / in a password are written %40 and %2F.
                """)
        }
    }

    private static func checkEncoding(_ connection: Connection) throws {
        let encoding = try connection.execute("SELECT current_setting('server_encoding')").first?.text(0) ?? ""
        guard encoding == "UTF8" else {
            throw PostgresStoreError("The database's encoding is \(encoding). Make it with: createdb --encoding=UTF8")
        }
    }

    private static func checkIsComplete(_ connection: Connection) throws {
        guard try !isBeingMoved(on: connection) else {
            throw PostgresStoreError(
                """
                An installation is being moved into this database, and not all of it is here yet. Stop the server that \
                it comes from, and run pawl move --from … --to … once more.
                """)
        }
    }

    private static func checkIsCurrent(_ connection: Connection) throws {
        let pending = try Migration.pending(on: connection)
        guard pending.isEmpty else {
            throw PostgresStoreError(
                """
                The tables of this database are of an older version (\(pending.joined(separator: ", ")) is missing). \
                Start a server, or run: pawl migrate up
                """)
        }
    }

    /// What Pawl does with it.
    public var access: StoreAccess { StoreAccess(self) }

    /// Lets what is under way finish, and ends all connections. Only what reads whole tables for an operator is broken off.
    public func close() async {
        reader.giveUp()
        await reader.close()
        await batcher.close()
        await pool.close()
    }

    /// Writes: where a database can only be read, no session can turn. And compares the clocks.
    package func ping() async throws(StoreError) {
        try await run { [time] connection in
            _ = try time.read(
                on: connection,
                """
                INSERT INTO settings (name, value) VALUES ('ping', extract(epoch FROM clock_timestamp())::text)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING value
                """, commits: true)
        }
        try time.check()
        try time.checkMachine()
    }

    /// Runs statements of which each stands for itself.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await pool.run(work)
        } catch {
            throw StoreError(hiding: error)
        }
    }

    package func breakOffReading() { reader.giveUp() }
    package func refuseWaiting() { pool.refuseWaiting() }

    /// Runs what reads whole tables, on a connection of its own and without the usual limit of time.
    func readPatiently<Value: Sendable>(
        _ work: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            let value = try await reader.run { try $0.patiently(work) }
            await reader.close()
            return value
        } catch {
            throw StoreError(hiding: error)
        }
    }

    /// Runs one statement that changes something.
    /// - Returns: how many rows it touched.
    @discardableResult
    func write(_ sql: String, _ parameters: [Parameter]) async throws(StoreError) -> Int {
        try time.check()
        return try await run { connection in try connection.execute(sql, parameters, commits: true).affected }
    }

    /// Runs statements that belong together.
    func transaction<Value: Sendable>(
        _ work: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        try time.check()
        do {
            return try await pool.transaction(work)
        } catch {
            throw StoreError(hiding: error)
        }
    }
}
