import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore
import Synchronization

extension Pawl {
    typealias Handler = @Sendable (Exchange) async throws -> Response

    static let safeMethods: Set<HTTPRequest.Method> = [.get, .head, .options, .trace]
    /// Every method that the decoder knows, except CONNECT. CONNECT and unknown methods are answered 501 before they get
    /// here.
    static let methods = """
        GET HEAD POST PUT PATCH DELETE OPTIONS TRACE QUERY ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY \
        MKCALENDAR MKCOL MOVE MSEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK \
        UNSUBSCRIBE
        """.split(separator: " ").compactMap { HTTPRequest.Method(String($0)) }

    /// Registers a path with its handlers; every other method is 405 with `Allow`. A path with GET leaves HEAD to the
    /// router, which can make it from GET.
    /// - Parameter takesLongHeads: whether requests may exceed ``PawlConfiguration/maximumHeadSize``. Pages may: a page
    ///   that loads can tell its reader what to do.
    func route<Context: RemoteAddressRequestContext>(
        _ path: RouterPath, on router: some RouterMethods<Context>, takesLongHeads: Bool = false,
        _ handlers: [HTTPRequest.Method: Handler]
    ) {
        let record = metrics.requestRecorder("\(path)")
        let longestHead = takesLongHeads ? Int.max : configuration.maximumHeadSize
        let refuse: Handler = { exchange in
            if let preflight = exchange.preflight(for: handlers.keys) { return preflight }
            throw ProblemError.methodNotAllowed(Array(handlers.keys))
        }
        for method in Self.methods where !(method == .head && handlers[.get] != nil) {
            let handler = handlers[method] ?? refuse
            router.on(path, method: method) { [self] request, context in
                let start = ContinuousClock.now
                let response = await respond(to: request, context: context, longestHead: longestHead, handler)
                record(ContinuousClock.now - start, Int(response.status.code))
                return response
            }
        }
    }

    /// Runs a handler and turns whatever it throws into a problem. Here, not in a middleware: Hummingbird makes
    /// responses of errors outside the chain, without the headers that every answer must have.
    func respond(
        to request: Request, context: some RemoteAddressRequestContext, longestHead: Int = .max, _ handler: Handler
    ) async -> Response {
        let address = clientAddress(of: request, peer: context.remoteAddress?.ipAddress)
        let policy = originPolicy
        let sender = policy.sender(of: request.headers)
        var response: Response
        do {
            try request.check(longestHead: longestHead)
            let cookie = try cookie(of: request, from: sender)
            let exchange = Exchange(
                request: request, content: try await content(of: request), pathParameter: context.parameters.get("id"),
                origin: Origin(address: address, userAgent: request.headers[.userAgent] ?? ""), sender: sender,
                cookie: cookie, pawl: self)
            response = try await handler(exchange)
        } catch {
            let problem = ProblemError(error, logger: context.logger)
            note(problem, of: request, from: address, requestID: context.id)
            response = problem.response
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

    private func clientAddress(of request: Request, peer: String?) -> String {
        let address = ClientAddress(peer: peer, headers: request.headers, trusted: configuration.trustedProxies)
        if let fault = address.fault, addressFaults.withLock({ $0.insert(fault).inserted }) {
            let cause =
                switch fault {
                case .unreadable: "names no address that can be read"
                case .contradiction: "names different addresses in X-Forwarded-For and Forwarded"
                }
            logger.warning(
                """
                A trusted proxy \(cause), so its clients share the proxy's own address. Configure the proxy to write the \
                client's address into one of X-Forwarded-For and Forwarded, and to drop the other. This is logged once.
                """, metadata: ["event": "client_address_unknown", "reason": "\(fault)", "proxy": "\(address.text)"])
        }
        return address.text
    }

    /// Counts refusals that an operator should know of, and logs them at most once a minute for each kind.
    private func note(_ problem: ProblemError, of request: Request, from address: String, requestID: String) {
        guard let refusal = problem.refusal else { return }
        metrics.count(refusal)
        guard let count = refusals.note(refusal, at: clock.now) else { return }
        var metadata: Logger.Metadata = [
            "event": "request_refused", "reason": "\(refusal.rawValue)", "address": "\(address)",
            "method": "\(request.method)", "count": "\(count)", "hb.request.id": "\(requestID)",
        ]
        // Only an origin in its one spelling is logged, not text of the sender's choice.
        if let origin = request.headers[.origin].flatMap({ WebOrigin($0) }) { metadata["origin"] = "\(origin)" }
        logger.warning("\(problem.detail)", metadata: metadata)
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
        let codings = request.headers[values: .contentEncoding].flatMap { $0.split(separator: ",") }
            .map { $0.trimmingPrefix(" ").lowercased() }
        guard codings.allSatisfy({ $0 == "identity" || $0.isEmpty }) else {
            // RFC 9110 §12.5.3
            throw ProblemError(
                .unsupportedMediaType, .unsupportedMediaType, "Send the body without a Content-Encoding.",
                headers: [.acceptEncoding: "identity"])
        }
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
        for field in HTTPFields.protection where response.headers[field.name] == nil {
            response.headers[field.name] = field.value
        }
        // What anybody may read is the same for all; anything else may depend on who asks.
        if response.headers[.accessControlAllowOrigin] == nil {
            response.headers[.vary] = "Origin, Sec-Fetch-Site"
            response.headers[.crossOriginResourcePolicy] = "same-origin"
        }
        response.headers[.requestID] = requestID
        if configuration.publicURL.hasPrefix("https://") {
            response.headers[.strictTransportSecurity] = "max-age=31536000"
        }
    }
}

extension Request {
    /// Refuses a head that no route accepts.
    fileprivate func check(longestHead: Int) throws {
        // RFC 9112 §3.2: exactly one Host. The codec makes the first the authority and leaves a second one here.
        guard let authority = head.authority, headers[.host] == nil, isHost(authority) else {
            throw ProblemError.invalidRequest("Send one Host field, with a name or an address and perhaps a port.")
        }
        // A proxy may apply different rules to different spellings of a path.
        guard isPlainPath(uri.path) else { throw ProblemError.notFound }
        let size = headers.reduce((head.path ?? "").utf8.count) {
            $0 + $1.name.rawName.utf8.count + $1.value.utf8.count
        }
        guard size <= longestHead else {
            throw ProblemError(
                .requestHeaderFieldsTooLarge, .headerFieldsTooLarge,
                """
                The header fields of this request have more than \(longestHead) bytes. If a browser sent it, delete the \
                cookies of this site.
                """)
        }
    }
}

/// Whether a `Host` field is valid: a name or an address, and perhaps a port (RFC 9110 §7.2).
func isHost(_ text: String) -> Bool {
    func isPort(_ text: Substring.UTF8View) -> Bool {
        text.isEmpty || text.first == UInt8(ascii: ":") && text.count <= 6 && text.dropFirst().allSatisfy(\.isDigit)
    }
    let bytes = text[...].utf8
    if bytes.first == UInt8(ascii: "[") {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
        let address = bytes[..<end].dropFirst()
        return IPNetwork.isAddress(String(Substring(address))) && address.contains(UInt8(ascii: ":"))
            && isPort(bytes[end...].dropFirst())
    }
    let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
    return end != bytes.startIndex && bytes[..<end].allSatisfy(\.isInName) && isPort(bytes[end...])
}

/// Whether a path has no empty segment. The router ignores them: `//auth/login`, `/auth/login/`.
func isPlainPath(_ path: String) -> Bool { path == "/" || path.last != "/" && !path.contains("//") }

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
    /// The characters of host names, and a few more. RFC 3986 also allows commas and the like; they are refused, because
    /// one reader would see two hosts where another sees one.
    fileprivate var isInName: Bool {
        isDigit || UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 || "-._~%".utf8.contains(self)
    }
}

extension HTTPFields {
    /// The fields of every answer, errors included, unless the answer has its own.
    static let protection: HTTPFields = [
        .cacheControl: "no-store", .contentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
        .contentSecurityPolicy: "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ]
}

extension HTTPField.Name {
    static let host = Self("Host")!
    static let contentTypeOptions = Self("X-Content-Type-Options")!
    static let referrerPolicy = Self("Referrer-Policy")!
}
