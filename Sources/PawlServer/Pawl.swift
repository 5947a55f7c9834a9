public import Logging
public import PawlCore
public import PawlJOSE
public import ServiceLifecycle
import Synchronization

/// A session server inside a Hummingbird application:
///
///     let pawl = try await Pawl(store: store, passwords: passwords, secrets: secrets, configuration: configuration)
///     pawl.addRoutes(to: router)
///     let app = Application(router: router, services: [pawl])
///
/// As a service it follows the schedule of its signing keys and what operators say, and tidies its tables.
public final class Pawl: Service {
    /// The version of this package.
    public static let version = "0.1.0"

    /// What it does, without HTTP.
    package let engine: Engine
    package let configuration: PawlConfiguration
    let pipeline: RequestPipeline
    let housekeeping = HousekeepingRecord()
    let backups = BackupBoard()
    private let drain = Drain()

    /// Makes a server on a database. It reads the database, and makes the first signing key of an empty one.
    /// - Parameters:
    ///   - store: the database, `SQLiteStore` or `PostgresStore`.
    ///   - passwords: what hashes passwords, `Argon2idHasher` for one.
    ///   - secrets: the master secrets, newest first. They must open what is sealed in the database.
    ///   - configuration: what it goes by.
    ///   - clock: the time to go by; the database's own if nil. Tests give one that they move.
    ///   - metrics: where to count; nowhere by default.
    ///   - logger: where to tell what happens.
    /// - Throws: if the public URL is not an origin, if the database is away, or holds keys that `secrets` do not open.
    public convenience init(
        store: any PawlStore, passwords: any PasswordHasher, secrets: MasterSecrets, configuration: PawlConfiguration,
        clock: WallClock? = nil, metrics: PawlMetrics = .init(), logger: Logger = Logger(label: "pawl")
    ) async throws {
        try await self.init(
            serving: store.access.store, passwords: passwords, secrets: secrets, configuration: configuration,
            clock: clock, metrics: metrics, logger: logger)
    }

    /// - Parameter clock: the time to go by, for tests; the store's own if nil (``Store/clock``).
    package convenience init(
        serving store: any Store, passwords: any PasswordHasher, secrets: MasterSecrets,
        configuration: PawlConfiguration, clock: WallClock? = nil, randomness: Randomness = .system,
        metrics: PawlMetrics = .init(), logger: Logger
    ) async throws {
        try await self.init(
            operating: store, passwords: passwords, secrets: secrets, configuration: configuration, clock: clock,
            randomness: randomness, metrics: metrics, logger: logger)
        try await engine.prepare()
    }

    /// For the routes of operations alone, where no server runs: signing keys are left as they are, since their
    /// schedule is for the server to follow.
    package init(
        operating store: any Store, passwords: any PasswordHasher, secrets: MasterSecrets,
        configuration: PawlConfiguration, clock: WallClock? = nil, randomness: Randomness = .system,
        metrics: PawlMetrics = .init(), logger: Logger
    ) async throws {
        guard let own = WebOrigin(configuration.publicURL) else { throw NoOrigin(url: configuration.publicURL) }
        self.configuration = configuration
        let environment = PawlEnvironment(
            store: store,
            settings: LiveSettings.Current(LiveSettings(secrets: secrets, lifetimes: configuration.lifetimes)),
            clock: clock, randomness: randomness, metrics: metrics, logger: logger)
        pipeline = RequestPipeline(
            configuration,
            origins: OriginPolicy(own: own, origins: configuration.origins, nativeOrigins: configuration.nativeOrigins),
            environment: environment)
        engine = try await Engine(environment, passwords: passwords, configuration.options)
    }

    /// The origins in force: ``PawlConfiguration/origins``, or those allowed since.
    public var origins: Set<WebOrigin> { pipeline.origins.origins }
    /// The origins of web views that may use this server now.
    public var nativeOrigins: Set<WebOrigin> { pipeline.origins.nativeOrigins }

    /// Takes over other origins from now on. Browsers may go by a preflight's answer of before for ten minutes more.
    public func allow(origins: Set<WebOrigin>, nativeOrigins: Set<WebOrigin>) {
        pipeline.allow(origins: origins, nativeOrigins: nativeOrigins)
    }

    /// Makes `/readyz` answer 503 from now on; everything else goes on. Call it when the process is told to stop, some
    /// seconds before the listener closes, so that load balancers send new requests elsewhere.
    public func beginDraining() { drain.hasBegun.store(true, ordering: .relaxed) }

    /// Makes an end of what could keep the process from stopping: passwords that wait for the hasher are answered 503, and
    /// what reads whole tables for an operator is broken off. To be called when the listener is about to close.
    package func stopWaiting() {
        engine.accounts.stopHashing()
        engine.environment.store.breakOffReading()
    }

    /// Answers 503 to what still waits for the database.
    package func refuseWaiting() { engine.environment.store.refuseWaiting() }

    var isDraining: Bool { drain.hasBegun.load(ordering: .relaxed) }

    /// For guards of routes in this process: checks with the key ring at hand, and refuses ended sessions at once.
    public var accessTokens: any AccessTokenChecker { engine.accessTokens }

    /// Follows what other servers do and keeps house until the application shuts down. A failure is logged and tried again:
    /// it must not stop the server.
    public func run() async throws {
        await cancelWhenGracefulShutdown { [self] in await run(every: .seconds(1)) }
        // A last one, so that the next start knows how long no server ran. Without it the start reckons with some seconds more.
        try? await engine.dataLoss.recordHeartbeat()
    }

    /// - Parameter pause: the beat of all that is kept up here, which is a second.
    package func run(every pause: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await follow(every: pause) }
            // In a task of its own, since promises rest on the other.
            group.addTask { [self] in await keepHouse(every: pause) }
        }
    }

    /// Follows revocations and recovery each second, keeps the heartbeat young, and follows the keys each minute.
    private func follow(every pause: Duration) async {
        var toldAt: Int?
        for tick in 1... {
            guard (try? await Task.sleep(for: pause)) != nil else { return }  // cancelled
            let isNewMinute = tick.isMultiple(of: 60)
            var duties: [() async throws -> Void] = [
                engine.dataLoss.follow, engine.dataLoss.keepPulse, engine.settleUnknownOutcomes,
                engine.revocations.follow,
            ]
            if isNewMinute { duties.append(engine.keys.refresh) }
            for duty in duties {
                do {
                    try await duty()
                } catch {
                    // Tried each second, but said once a minute.
                    guard toldAt.map({ tick - $0 >= 60 || $0 == tick }) ?? true else { continue }
                    toldAt = tick
                    engine.environment.logger.error(
                        "Following the database failed and will be tried again", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Tidies in rounds of small slices, a second apart; the next round begins with a new minute.
    private func keepHouse(every pause: Duration) async {
        var round = HousekeepingRound()
        for tick in 1... {
            do {
                try await Task.sleep(for: pause)
                guard round.isUnderWay || tick.isMultiple(of: 60) else { continue }
                if try await engine.housekeeping.tidy(&round, eventRetention: configuration.eventRetention) {
                    housekeeping.finish(at: engine.environment.clock.now)
                }
            } catch is CancellationError {
                return
            } catch {
                housekeeping.fail(at: engine.environment.clock.now)
                engine.environment.logger.error(
                    "Housekeeping failed and will be tried again", metadata: ["error": "\(error)"])
            }
        }
    }
}

/// Whether the server is about to stop. A box, because Swift 6.3.1 crashes when it optimizes an initializer that can throw
/// in a class with an atomic of its own.
private final class Drain: Sendable {
    let hasBegun = Atomic(false)
}

/// The public URL is not an origin.
struct NoOrigin: Error, CustomStringConvertible {
    let url: String

    var description: String { "The public URL must be an origin such as https://auth.example.com, not \(url)." }
}
