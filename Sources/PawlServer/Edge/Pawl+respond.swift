import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore

extension Pawl {
    typealias Handler = @Sendable (Exchange) async throws -> Response

    static let safeMethods: Set<HTTPRequest.Method> = [.get, .head, .options, .trace]
    static let methods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .patch, .delete, .options, .trace, .query,
    ]

    /// Registers a path with its handlers; every other method is 405 with `Allow`. A path with GET leaves HEAD to the
    /// router, which can make it from GET.
    func route<Context: RemoteAddressRequestContext>(
        _ path: RouterPath, on router: some RouterMethods<Context>, _ handlers: [HTTPRequest.Method: Handler]
    ) {
        let record = metrics.requestRecorder("\(path)")
        let refuse: Handler = { exchange in
            if let preflight = exchange.preflight(for: handlers.keys) { return preflight }
            throw ProblemError.methodNotAllowed(Array(handlers.keys))
        }
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
        let policy = originPolicy
        let sender = policy.sender(of: request.headers)
        var response: Response
        do {
            // RFC 9112 §3.2: exactly one Host. The codec makes the first the authority and leaves a second one here.
            guard request.head.authority != nil, request.headers[.host] == nil else {
                throw ProblemError.invalidRequest("Send one Host field.")
            }
            let cookie = try cookie(of: request, from: sender)
            let exchange = Exchange(
                request: request, content: try await content(of: request), pathParameter: context.parameters.get("id"),
                origin: Origin(address: address, userAgent: request.headers[.userAgent] ?? ""), sender: sender,
                cookie: cookie, pawl: self)
            response = try await handler(exchange)
        } catch {
            response = ProblemError(error, logger: context.logger).response
        }
        protect(&response, requestID: context.id)
        sender.allowReading(&response.headers, of: request, except: policy.own)
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

    /// The refresh token in the cookie of a request that changes something, once it is clear that a page which may use
    /// this server made it: browsers send cookies along with what any page tells them to send (OWASP, Cross-Site Request
    /// Forgery Prevention: Fetch Metadata). A browser's request is held to that without a cookie too: it may be about to
    /// get one. Safe methods change nothing, and no cookie is read for them.
    private func cookie(of request: Request, from sender: OriginPolicy.Sender) throws -> String? {
        guard !Self.safeMethods.contains(request.method) else { return nil }
        let cookie = Result { try refreshCookie.value(in: request.headers) }
        switch (sender, cookie) {
        case (.page, _): return try cookie.get()
        case (.program, .success(nil)), (.nativePage, .success(nil)): return nil
        case (.stranger, _), (.program, _), (.nativePage, _):
            throw ProblemError.crossSiteRequest(configuration.publicURL)
        }
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
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        }
        // What anybody may read is the same for all; anything else may depend on who asks.
        if response.headers[.accessControlAllowOrigin] == nil {
            response.headers[.vary] = "Origin, Sec-Fetch-Site"
            response.headers[.crossOriginResourcePolicy] = "same-origin"
        }
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
