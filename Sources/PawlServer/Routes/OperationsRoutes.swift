import HTTPTypes
public import Hummingbird
import NIOCore
import PawlAPI
import PawlCore

extension Pawl {
    /// `GET /healthz`: the process answers.
    func health(_ exchange: Exchange) async throws -> Response { .json(["status": "ok"]) }

    /// `GET /readyz`: it can serve.
    func readiness(_ exchange: Exchange) async throws -> Response {
        do {
            try await store.ping()
            try await store.tryStatements()
        } catch {
            throw SessionError.unavailable
        }
        return .json(["status": "ok"])
    }

    /// Adds the routes of the operations listener, which must not face the network.
    /// - Parameters:
    ///   - registry: where ``PawlMetrics`` go, for `/metrics`.
    ///   - server: what `/admin/status` says of this process; nil if it does not serve.
    public func addOperationsRoutes<Context: RemoteAddressRequestContext>(
        to router: some RouterMethods<Context>, registry: PrometheusRegistry,
        server: ServerDescription? = ServerDescription()
    ) {
        route(
            "\(PawlPath.metrics)", on: router,
            [
                .get: { [metrics] _ in
                    if let state = ProcessState.read() { metrics.setProcess(state) }
                    return .metrics(registry.text())
                }
            ])
        route("\(PawlPath.health)", on: router, [.get: health])
        route("\(PawlPath.readiness)", on: router, [.get: readiness])
        let users = PawlPath.adminUsers
        route("\(users)", on: router, [.get: operating(listUsers), .post: operating(addUser)])
        route("\(users)/:id", on: router, [.get: operating(showUser), .patch: operating(changeUser)])
        route(
            "\(users)/:id/sessions", on: router,
            [.get: operating(listUserSessions), .delete: operating(endUserSessions)])
        route("\(PawlPath.adminSessions)", on: router, [.delete: operating(revokeSessions)])
        route(
            "\(PawlPath.adminSessions)/:id", on: router,
            [.get: operating(showAnySession), .delete: operating(revokeSession)])
        route("\(PawlPath.adminKeys)", on: router, [.get: operating(listKeys), .post: operating(rotateKeys)])
        route("\(PawlPath.adminKeys)/:id", on: router, [.delete: operating(retireKey)])
        route(
            "\(PawlPath.adminRecovery)", on: router,
            [
                .get: operating(showRecovery), .post: operating(openRecovery), .delete: operating(closeRecovery),
            ])
        route("\(PawlPath.adminEvents)", on: router, [.get: operating(listEvents)])
        route("\(PawlPath.adminStatus)", on: router, [.get: operating { [self] _ in try await status(server) }])
        route(
            "\(PawlPath.adminDoctor)", on: router,
            [.get: operating { [self] _ in try await doctor(isServing: server != nil) }])
        route("\(PawlPath.adminBackup)", on: router, [.get: operating(showBackup), .post: operating(makeBackup)])
    }

    /// A handler for holders of a master secret alone.
    private func operating(_ handler: @escaping Handler) -> Handler {
        { exchange in
            try exchange.requireOperator()
            return try await handler(exchange)
        }
    }
}

extension Response {
    fileprivate static func metrics(_ text: String) -> Self {
        Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

extension Exchange {
    fileprivate func requireOperator() throws {
        let subject = OperationsCredential.Subject(
            method: request.method.rawValue, path: request.head.path ?? "", body: content)
        guard let header = request.headers[.authorization],
            OperationsCredential.isValid(
                header, for: subject, secrets: pawl.sessions.inForce.secrets, at: pawl.clock.now)
        else {
            throw ProblemError(
                .unauthorized, .invalidToken, "This needs a credential made with the master secret.",
                headers: [.wwwAuthenticate: OperationsCredential.scheme])
        }
    }
}
