import Hummingbird
import NIOCore
import PawlAPI
import PawlCore

/// `/healthz`, `/readyz` and `/metrics`
struct HealthRoutes: Sendable {
    let store: any Store
    let metrics: PawlMetrics
    let registry: PrometheusRegistry
    let isDraining: @Sendable () -> Bool

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
            throw SessionError.unavailable
        }
        return .json(["status": "ok"])
    }

    /// `GET /metrics`
    func showMetrics(_ request: APIRequest) async throws -> Response {
        if let state = ProcessState.read() { metrics.setProcess(state) }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
            body: .init(byteBuffer: ByteBuffer(string: registry.text())))
    }
}
