package import HTTPTypes
public import Hummingbird
package import NIOCore
import PawlAPI
import PawlCore

extension Pawl {
    /// `GET /healthz`: the process answers.
    func health(_ exchange: Exchange) async throws -> Response { .json(["status": "ok"]) }

    /// `GET /readyz`: it can serve, and is not about to stop.
    func readiness(_ exchange: Exchange) async throws -> Response {
        guard !isDraining else {
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

    /// Adds the routes of the operations listener, which must not face the network.
    ///
    /// They answer only requests whose `Host` is an IP address, `localhost` or one of `names`. Otherwise a web page could
    /// read them by letting its own host name resolve to this listener's address (DNS rebinding).
    /// - Parameters:
    ///   - registry: where ``PawlMetrics`` go, for `/metrics`.
    ///   - names: other host names of this listener, in lower case.
    ///   - server: what `/admin/status` says of this process; nil if it does not serve.
    public func addOperationsRoutes<Context: RemoteAddressRequestContext>(
        to router: some RouterMethods<Context>, registry: PrometheusRegistry, names: Set<String> = [],
        server: ServerDescription? = ServerDescription()
    ) {
        /// Adds a route that checks the `Host` field first.
        func route(
            _ path: RouterPath, on router: some RouterMethods<Context>, _ handlers: [HTTPRequest.Method: Handler]
        ) {
            self.route(path, on: router, handlers.mapValues { answering(to: names.union(["localhost"]), $0) })
        }
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

    /// A handler that refuses requests for other hosts.
    private func answering(to names: Set<String>, _ handler: @escaping Handler) -> Handler {
        { exchange in
            guard isOperationsHost(exchange.request.head.authority ?? "", names: names) else {
                throw ProblemError(
                    .misdirectedRequest, .misdirectedRequest,
                    "The operations listener does not answer under this name. Use an IP address, or add it to the setting ops-names.",
                    refusal: .host)
            }
            return try await handler(exchange)
        }
    }

    /// A handler for holders of a master secret alone. Its answers, refusals too, prove that this server holds it.
    private func operating(_ handler: @escaping Handler) -> Handler {
        { [self] exchange in
            let caller = try exchange.operatorCall()
            let answer: Response
            do {
                answer = try await handler(caller.opened(exchange))
            } catch {
                answer = ProblemError(error, logger: logger).response
            }
            return try await caller.proving(answer)
        }
    }
}

/// Who sent a request of the operator's, by the master secret that made its credential.
private struct OperatorCall {
    let header: String
    let subject: OperationsCredential.Subject
    let secret: MasterSecret

    /// The request with its body in clear.
    func opened(_ exchange: Exchange) throws -> Exchange {
        guard exchange.request.headers[.contentType] == OperationsCredential.sealedType else { return exchange }
        guard let content = subject.openedBody(by: secret) else {
            throw ProblemError.invalidRequest("The body was not encrypted for this request.")
        }
        var head = exchange.request.head
        head.headerFields[.contentType] = "application/json"
        var opened = exchange
        opened.request = Request(head: head, body: exchange.request.body)
        opened.content = content
        return opened
    }

    /// The answer with a proof that it is this server's.
    func proving(_ response: Response) async throws -> Response {
        let collected = ByteCollector()
        try await response.body.write(collected)
        var proven = Response(
            status: response.status, headers: response.headers,
            body: collected.bytes.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: collected.bytes)))
        proven.headers[.authenticationInfo] = OperationsCredential.proof(
            status: response.status.code, body: collected.bytes, to: header, by: secret)
        return proven
    }
}

/// The bytes of an answer. A class, because Hummingbird takes the writer away.
package final class ByteCollector: ResponseBodyWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package func write(_ buffer: ByteBuffer) { bytes += buffer.readableBytesView }
    package func finish(_ trailers: HTTPFields?) {}
}

extension Response {
    fileprivate static func metrics(_ text: String) -> Self {
        Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

extension Exchange {
    fileprivate func operatorCall() throws -> OperatorCall {
        let subject = OperationsCredential.Subject(
            method: request.method.rawValue, path: request.head.path ?? "", body: content)
        guard let header = request.headers[.authorization],
            let secret = signer(of: header, for: subject)
        else {
            throw ProblemError(
                .unauthorized, .invalidToken, "This needs a credential made with the master secret.",
                headers: [.wwwAuthenticate: OperationsCredential.scheme], refusal: .operatorCredential)
        }
        return OperatorCall(header: header, subject: subject, secret: secret)
    }

    /// The command line goes by its machine's clock, which may differ from the database's: then it is `pawl doctor` that
    /// says so.
    private func signer(of header: String, for subject: OperationsCredential.Subject) -> MasterSecret? {
        let secrets = pawl.sessions.inForce.secrets
        return OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: pawl.clock.now)
            ?? OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: Clock.system.now)
    }
}

/// Whether the host of `authority` is an IP address or one of `names`: then no name server decides whom it means.
func isOperationsHost(_ authority: String, names: Set<String>) -> Bool {
    if authority.first == "[" { return true }  // an IPv6 address: every Host field is checked before
    let host = String(authority.prefix { $0 != ":" }).lowercased()
    return IPNetwork.isAddress(host) || names.contains(host)
}

extension HTTPField.Name {
    fileprivate static let authenticationInfo = Self("Authentication-Info")!
}
