import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore

extension Pawl {
    typealias Handler = @Sendable (Exchange) async throws -> Response

    static let methods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .patch, .delete, .options, .trace, .query,
    ]

    /// Registers a path with its handlers; every other method is 405 with `Allow`. A path with GET leaves HEAD to the
    /// router, which can make it from GET.
    func route<Context: RemoteAddressRequestContext>(
        _ path: RouterPath, on router: some RouterMethods<Context>, _ handlers: [HTTPRequest.Method: Handler]
    ) {
        let record = metrics.requestRecorder("\(path)")
        let refuse: Handler = { _ in throw ProblemError.methodNotAllowed(Array(handlers.keys)) }
        for method in Self.methods where !(method == .head && handlers[.get] != nil) {
            let handler = handlers[method] ?? refuse
            router.on(path, method: method) { [self] request, context in
                let start = ContinuousClock.now
                let response = await respond(to: request, context: context, handler)
                record(ContinuousClock.now - start, Int(response.status.code))
                return response
            }
        }
    }

    /// Runs a handler and turns whatever it throws into a problem. Here, not in a middleware: Hummingbird makes
    /// responses of errors outside the chain, without the headers that every answer must have.
    func respond(
        to request: Request, context: some RemoteAddressRequestContext, _ handler: Handler
    ) async -> Response {
        let address = clientAddress(
            peer: context.remoteAddress?.ipAddress, headers: request.headers, trusted: configuration.trustedProxies)
        var response: Response
        do {
            // RFC 9112 §3.2: exactly one Host. The codec makes the first the authority and leaves a second one here.
            guard request.head.authority != nil, request.headers[.host] == nil else {
                throw ProblemError.invalidRequest("Send one Host field.")
            }
            let exchange = Exchange(
                request: request, content: try await content(of: request), pathParameter: context.parameters.get("id"),
                origin: Origin(address: address, userAgent: request.headers[.userAgent] ?? ""), pawl: self)
            response = try await handler(exchange)
        } catch {
            response = ProblemError(error, logger: context.logger).response
        }
        protect(&response, requestID: context.id)
        // Content after the head would be taken for the next answer (RFC 9110 §9.3.2).
        if request.method == .head { response = response.createHeadResponse() }
        context.logger.log(
            level: response.status.code >= 500 ? .warning : .debug, "Answered",
            metadata: [
                "method": "\(request.method)", "path": "\(context.endpointPath ?? "")",
                "status": "\(response.status.code)", "address": "\(address)",
            ])
        return response
    }

    private func content(of request: Request) async throws -> [UInt8] {
        let limit = configuration.maximumBodySize
        let tooLarge = ProblemError(.contentTooLarge, .contentTooLarge, "The body is larger than \(limit) bytes.")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        do {
            return [UInt8](buffer: try await request.body.collect(upTo: limit))
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            // A body that cannot be framed, or that ends early: nothing that follows on this connection can be trusted.
            throw ProblemError(
                .badRequest, .invalidRequest, "The body is broken off or wrongly framed.",
                headers: [.connection: "close"])
        }
    }

    /// What every answer carries, errors included.
    private func protect(_ response: inout Response, requestID: String) {
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        response.headers[.contentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.requestID] = requestID
        if configuration.publicURL.hasPrefix("https://") {
            response.headers[.strictTransportSecurity] = "max-age=31536000"
        }
    }
}

extension HTTPRequest.Method {
    static let query = Self("QUERY")!
}

extension HTTPField.Name {
    static let host = Self("Host")!
    static let contentTypeOptions = Self("X-Content-Type-Options")!
    static let referrerPolicy = Self("Referrer-Policy")!
}
