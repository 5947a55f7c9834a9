import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlCore
import PawlPasswords
import PawlSQLite
import PawlServer
import PawlTerminal

/// A database that no server serves, open in this process: the same routes as a server's operations listener has,
/// without a socket.
struct OfflineServer {
    private let store: any Store
    private let responder: RouterResponder<LocalContext>
    private let logger: Logger

    /// - Returns: nil if there is no database on this machine, or a process holds it, or a server answers here: then
    ///   that one is to be asked.
    static func open(_ settings: CommonSettings, purpose: OpenMode) async throws -> (any Store)? {
        if settings.database.path == nil, await OperationsListener(settings).answers() { return nil }
        do {
            return try await settings.database.open(for: purpose, logger: logger)
        } catch let error as SQLiteStoreError where error.code != .other {
            return nil
        }
    }

    /// Like ``open(_:purpose:)``, with the routes.
    init?(_ settings: CommonSettings, _ reader: SettingsReader, secrets: MasterSecrets) async throws {
        guard let store = try await Self.open(settings, purpose: .operate) else { return nil }
        self.store = store
        logger = Self.logger
        let router = Router(context: LocalContext.self)
        do {
            let settings = try await ServeSettings(reader)
            let pawl = try await Pawl(
                operating: store, passwords: Argon2idHasher(parameters: settings.passwords), secrets: secrets,
                configuration: settings.pawl, logger: logger)
            router.add(middleware: NotFoundMiddleware(pawl))
            pawl.addOperationsRoutes(to: router, registry: PrometheusRegistry(), server: nil)
        } catch {
            try await store.close()
            throw error
        }
        responder = router.buildResponder()
    }

    /// What time it is there.
    var now: UnixTime { store.clock.now }

    func respond(
        _ method: String, _ path: String, _ fields: [(name: String, value: String)], _ body: [UInt8]
    ) async throws -> (status: Int, body: Data) {
        guard let method = HTTPRequest.Method(method) else { throw CommandError("There is no method \(method).") }
        var head = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path)
        for (name, value) in fields { HTTPField.Name(name).map { head.headerFields[$0] = value } }
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: body)))
        let response = try await responder.respond(to: request, context: LocalContext(source: .init(logger: logger)))
        let collected = ByteCollector()
        try await response.body.write(collected)
        return (response.status.code, Data(collected.bytes))
    }

    func close() async throws { try await store.close() }

    /// What goes wrong is told by the command; the log is for what nobody foresaw.
    static let logger: Logger = {
        var logger = Logger(label: "pawl") { label in StreamLogHandler.standardError(label: label) }
        logger.logLevel = .error
        logger[metadataKey: "hb.request.id"] = "command"
        return logger
    }()
}

/// A request that came from no network.
private struct LocalContext: RemoteAddressRequestContext {
    struct Source: RequestContextSource {
        let logger: Logger
    }

    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress? = nil

    init(source: Source) {
        coreContext = .init(source: source)
    }
}
