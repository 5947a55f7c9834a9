import ArgumentParser
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import PawlAPI
import PawlCore
import PawlPages
import PawlPasswords
import PawlServer
import PawlTerminal
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the session server.",
        discussion: """
            Serves the API on --host and --port, and /healthz, /readyz, /metrics and /admin on the operations listener.
            Without a master secret it makes one beside the database and says so.
            """)

    @OptionGroup(title: "Common options") var common: CommonOptions
    @OptionGroup var options: ServeOptions

    func run() async throws {
        // First of all: an early SIGHUP must not end the server.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let readSettings = { @Sendable [common, options] in
            try await ServeSettings(SettingsReader(common: common, serve: options))
        }
        let settings = try await readSettings()
        let level = LogLevel(settings.logLevel)
        let output = LogOutput()
        defer { output.flush() }
        LoggingSystem.bootstrap { label in
            ReloadableLogHandler(
                LineLogHandler(label: label, format: settings.logFormat, output: output), level: level)
        }
        signal(SIGPIPE, SIG_IGN)  // a reader of the log that goes away must not end the server
        let logger = Logger(label: "pawl")
        for warning in settings.warnings { logger.warning("\(warning)") }
        try settings.common.giveUpRoot { user in
            logger.notice("Root gives way to the user who owns the database's folder", metadata: ["user": "\(user)"])
        }
        try Self.checkIsFree(settings.host, settings.port, "port")
        try Self.checkIsFree(settings.common.opsHost, settings.common.opsPort, "ops-port")
        let secrets = try MasterSecretSource.load(settings.common, for: .start, logger: logger)
        let registry = PrometheusRegistry()
        let metrics = PawlMetrics(factory: registry)
        metrics.setBuild(version: Pawl.version)
        let store = try await settings.common.database.open(
            for: .serve, connections: settings.databaseConnections, metrics: metrics, logger: logger)
        let services = try await Self.build(
            settings, store: store, secrets: secrets, metrics: metrics, registry: registry, logger: logger
        ) { pawl in
            Reload(
                hangups: hangups, readSettings: readSettings, started: settings, level: level, pawl: pawl,
                logger: logger)
        }
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(settings.drainDelay + 30)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            try await store.close()
            throw error
        }
        try await store.close()
        logger.notice("Stopped")
    }

    /// Says so before anything else happens where the server cannot listen. A listener that fails later ends all others
    /// in their midst, and the log is full of that.
    private static func checkIsFree(_ host: String, _ port: Int, _ setting: String) throws {
        do {
            try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).wait().close().wait()
        } catch {
            let reason = (error as? IOError).map { unsafe String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw CommandError(
                """
                Cannot listen on \(authority(host, port)): \(reason). Stop what listens there, or choose another \
                address or --\(setting).
                """)
        }
    }

    /// Everything that runs: the API with its housekeeping, the operations listener, `reload` and the drain.
    static func build(
        _ settings: ServeSettings, store: any Store, secrets: MasterSecrets, metrics: PawlMetrics,
        registry: PrometheusRegistry, logger: Logger, reload: (Pawl) -> any Service
    ) async throws -> [any Service] {
        let passwords = Argon2idHasher(parameters: settings.passwords)
        for finding in Diagnosis.settings(settings.pawl, passwords: passwords) where finding.level != .ok {
            logger.warning(
                "\(finding.detail)", metadata: ["check": "\(finding.check)", "advice": "\(finding.advice ?? "")"])
        }
        let pawl = try await Pawl(
            store: store, passwords: passwords, secrets: secrets, configuration: settings.pawl, metrics: metrics,
            logger: logger)

        let router = Router(context: ServeContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: NotFoundMiddleware(pawl))
        pawl.addRoutes(to: router)
        if settings.hasPages { try pawl.addPages(to: router) }
        let operations = Router(context: ServeContext.self, options: .autoGenerateHeadEndpoints)
        operations.add(middleware: NotFoundMiddleware(pawl))
        let apiURL = "http://\(authority(settings.host, settings.port))"
        let operationsURL = "http://\(authority(settings.common.opsHost, settings.common.opsPort))"
        pawl.addOperationsRoutes(
            to: operations, registry: registry, names: settings.opsNames,
            server: ServerDescription(
                startedAt: store.clock.now, listeners: ["api": apiURL, "operations": operationsURL]))
        var patient = HTTPLimits()
        patient.answer = 86_400  // a backup is answered when it is complete
        patient.opening = 2  // so that silent connections do not keep probes out

        // Hummingbird names an address when it listens; ours says more.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        func application(
            _ router: Router<ServeContext>, _ host: String, _ port: Int, _ limits: HTTPLimits,
            services: [any Service], _ ready: String
        ) -> some Service {
            Application(
                router: router, server: limits.server,
                configuration: limits.configuration(address: .hostname(host, port: port)), services: services,
                onServerRunning: { _ in logger.notice("\(ready)") }, logger: quiet)
        }
        var limits = HTTPLimits()
        let wanted = limits.connections
        limits.connections = try FileDescriptorLimit.connections(wanted: wanted)
        if limits.connections < wanted {
            logger.notice(
                "The limit of open files leaves fewer connections",
                metadata: ["connections": "\(limits.connections)"])
        }
        patient.connections = FileDescriptorLimit.operationsConnections
        // Services are stopped from the last to the first, each after the next one has ended.
        return [
            application(
                operations, settings.common.opsHost, settings.common.opsPort, patient, services: [],
                "Operations listener on \(operationsURL)"),
            application(
                router, settings.host, settings.port, limits, services: [pawl],
                "Pawl is ready on \(apiURL), as \(settings.pawl.publicURL)"),
            reload(pawl),
            Drain(pawl: pawl, delay: settings.drainDelay, logger: logger),
        ]
    }
}

/// Host and port as they stand in a URL: an IPv6 address in brackets.
func authority(_ host: String, _ port: Int) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

/// A context that knows its peer, as ``Pawl/addRoutes(to:)`` asks.
struct ServeContext: RequestContext, RemoteAddressRequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?

    init(source: Source) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
    }
}
