import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlGuard
import PawlJOSE
import PawlPages
import PawlServer
import PawlTesting
import Testing

/// A real server on a free port of the loopback address, with the tests' clock and a store of the test's choice.
struct LiveServer: Sendable {
    let pawl: Pawl
    let store: any Store
    let clock: ManualClock
    let logs: LogCapture
    let api: TestAPI

    static let publicURL = "http://auth.test"
    static let password = "correct horse battery"

    struct Options: Sendable {
        var store: any Store = MemoryStore()
        var hasher: any PasswordHasher = InstantHasher()
        var limits = HTTPLimits()
        var clock = ManualClock()
        var secrets: MasterSecrets?
        var port = 0
        var operationsNames: Set<String> = []
        var configure: @Sendable (inout PawlConfiguration) -> Void = { _ in }
    }

    /// Runs a server for as long as `body` takes, and stops it gracefully.
    static func run<Result: Sendable>(
        _ options: Options = Options(), _ body: @Sendable (LiveServer) async throws -> Result
    ) async throws -> Result {
        let logs = LogCapture()
        var configuration = PawlConfiguration(publicURL: publicURL)
        configuration.isRegistrationOpen = true
        options.configure(&configuration)
        let registry = PrometheusRegistry()
        let pawl = try await Pawl(
            store: options.store, passwords: options.hasher, secrets: try options.secrets ?? freshSecrets(),
            configuration: configuration, clock: options.clock.clock,
            metrics: PawlMetrics(factory: registry), logger: logs.logger)
        let router = Router(context: TestContext.self)
        router.add(middleware: NotFoundMiddleware(pawl))
        pawl.addRoutes(to: router)
        try pawl.addPages(to: router)
        pawl.addOperationsRoutes(to: router, registry: registry, names: options.operationsNames)
        router.group("guarded").add(middleware: PawlGuard(pawl.accessTokens)).get { _, context in
            context.accessToken?.subject ?? ""
        }
        return try await withApplication(
            router, port: options.port, limits: options.limits, services: [pawl]
        ) { api in
            try await body(LiveServer(pawl: pawl, store: options.store, clock: options.clock, logs: logs, api: api))
        }
    }

    static func freshSecrets(_ count: Int = 1) throws -> MasterSecrets {
        try MasterSecrets(newestFirst: (0..<count).compactMap { _ in freshSecret() })
    }

    static func freshSecret() -> MasterSecret? { MasterSecret(Secret(Randomness.system.bytes(MasterSecret.length))) }

    var port: Int { api.port }

    func send(
        _ method: HTTPMethod, _ path: String, headers: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> TestAPI.Answer {
        try await api.send(method, path, headers: headers, body: body)
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: some Encodable, headers: [String: String] = [:]
    ) async throws -> TestAPI.Answer {
        try await api.send(method, path, body, headers: headers)
    }

    func get(_ path: String, _ tokens: TokenResponse) async throws -> TestAPI.Answer {
        try await api.get(path, tokens)
    }

    // MARK: The everyday requests

    func register(_ name: String, device: String? = nil) async throws -> TokenResponse {
        try await send(
            .POST, PawlPath.register, SignInRequest(identifier: name, password: Self.password, device: device)
        ).tokens
    }

    func login(
        _ name: String, password: String = LiveServer.password, headers: [String: String] = [:]
    ) async throws -> TestAPI.Answer {
        try await send(
            .POST, PawlPath.login, SignInRequest(identifier: name, password: password, device: nil), headers: headers)
    }

    func refresh(
        _ token: String?, attempt: String? = nil, headers: [String: String] = [:]
    ) async throws -> TestAPI.Answer {
        var headers = headers
        headers[PawlHeader.attempt] = attempt
        return try await send(.POST, PawlPath.refresh, RefreshRequest(refreshToken: token ?? ""), headers: headers)
    }
}

/// What a page of the server's own origin sends.
extension LiveServer {
    static let ownPage = ["Origin": publicURL, "Sec-Fetch-Site": "same-origin"]

    func browse(
        _ method: HTTPMethod, _ path: String, cookie: String? = nil, attempt: String? = nil,
        headers: [String: String] = LiveServer.ownPage
    ) async throws -> TestAPI.Answer {
        try await send(method, path, headers: headers.adding(cookie: cookie, attempt: attempt))
    }

    func browse(
        _ method: HTTPMethod, _ path: String, _ body: some Encodable, cookie: String? = nil, attempt: String? = nil,
        headers: [String: String] = LiveServer.ownPage
    ) async throws -> TestAPI.Answer {
        try await send(method, path, body, headers: headers.adding(cookie: cookie, attempt: attempt))
    }

    func signInByBrowser(
        _ name: String, cookie: String? = nil, headers: [String: String] = LiveServer.ownPage
    ) async throws -> BrowserSession {
        let answer = try await browse(
            .POST, PawlPath.login, SignInRequest(identifier: name, password: Self.password), cookie: cookie,
            headers: headers)
        return BrowserSession(tokens: try answer.tokens, cookie: try answer.cookie)
    }
}

/// What a browser holds once its page has signed in.
struct BrowserSession: Sendable {
    let tokens: TokenResponse
    let cookie: String

    var cookieHeader: [String: String] { ["Cookie": "\(PawlCookie.hostName)=\(cookie)"] }
}

extension TestAPI.Answer {
    /// The value of the one cookie that this answer sets.
    var cookie: String {
        get throws {
            try #require(headers["Set-Cookie"].count == 1)
            let pair = try #require(headers["Set-Cookie"][0].split(separator: ";").first)
            return String(try #require(pair.split(separator: "=", maxSplits: 1).dropFirst().first))
        }
    }
}

extension [String: String] {
    fileprivate func adding(cookie: String?, attempt: String?) -> Self {
        var result = self
        if let cookie { result["Cookie"] = "theme=dark; \(PawlCookie.hostName)=\(cookie)" }
        result[PawlHeader.attempt] = attempt
        return result
    }
}

struct TestContext: RemoteAddressRequestContext, GuardedRequestContext {
    var coreContext: CoreRequestContextStorage
    var accessToken: AccessTokenClaims?
    let remoteAddress: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
    }
}
