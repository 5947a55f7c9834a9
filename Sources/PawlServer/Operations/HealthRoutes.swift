import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore
import Synchronization

/// `/healthz`, `/readyz` and `/metrics`
struct HealthRoutes: Sendable {
    let store: any Store
    let metrics: PawlMetrics
    let registry: PrometheusRegistry
    let isDraining: @Sendable () -> Bool
    let logger: Logger
    private let lastAnswer = LastAnswer()
    private let page = MetricsPage()

    init(
        store: any Store, metrics: PawlMetrics, registry: PrometheusRegistry, logger: Logger,
        isDraining: @escaping @Sendable () -> Bool
    ) {
        self.store = store
        self.metrics = metrics
        self.registry = registry
        self.logger = logger
        self.isDraining = isDraining
    }

    /// `GET /healthz`: the process answers.
    func health(_ request: APIRequest) async throws -> Response { .json(["status": "ok"]) }

    /// `GET /readyz`: it can serve, and is not about to stop.
    func readiness(_ request: APIRequest) async throws -> Response {
        guard !isDraining() else {
            throw ProblemError(
                .serviceUnavailable, .unavailable, "This server is about to stop. Send requests to another one.",
                headers: [.retryAfter: "1"])
        }
        do {
            try await store.ping()
            try await store.tryStatements()
        } catch {
            if lastAnswer.changes(toReady: false) {
                logger.error("The server is not ready", metadata: ["event": "not_ready", "error": "\(error)"])
            }
            throw SessionError.unavailable
        }
        if lastAnswer.changes(toReady: true) {
            logger.notice("The server is ready again", metadata: ["event": "ready"])
        }
        return .json(["status": "ok"])
    }

    /// `GET /metrics`
    func showMetrics(_ request: APIRequest) async throws -> Response {
        let text = page.text {
            if let state = ProcessState.read() { metrics.setProcess(state) }
            return registry.text()
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// What `/readyz` last answered, so that the log has a line for each change and not for each question.
private final class LastAnswer: Sendable {
    private let wasReady = Mutex(true)

    func changes(toReady isReady: Bool) -> Bool {
        wasReady.withLock { wasReady in
            defer { wasReady = isReady }
            return wasReady != isReady
        }
    }
}

/// What `/metrics` says. Anybody on this machine may ask, and to write it takes a while: so it is made anew a few times a
/// second, and said again beyond that.
private final class MetricsPage: Sendable {
    private struct Page {
        var text = ""
        var second = ContinuousClock.now
        var count = 0
    }

    private let page = Mutex(Page())
    private static let freshPerSecond = 20

    func text(_ make: () -> String) -> String {
        page.withLock { page in
            if .now - page.second >= .seconds(1) { (page.second, page.count) = (.now, 0) }
            page.count += 1
            if page.count <= Self.freshPerSecond { page.text = make() }
            return page.text
        }
    }
}
