import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore
import Synchronization

/// What happens to every request, whichever route takes it: who sent it, from where, whether it may, what it holds; and how
/// the answer is protected, counted and logged.
final class RequestPipeline: Sendable {
    typealias Handler = @Sendable (APIRequest) async throws -> Response

    private let configuration: PawlConfiguration
    private let allowed: Mutex<OriginPolicy>
    private let environment: PawlEnvironment
    private let refusals = RefusalLog()
    /// The faults of trusted proxies that have been logged.
    private let addressFaults = Mutex<Set<ClientAddress.Fault>>([])

    init(_ configuration: PawlConfiguration, origins: OriginPolicy, environment: PawlEnvironment) {
        self.configuration = configuration
        allowed = Mutex(origins)
        self.environment = environment
    }

    /// Whose pages may use this server now.
    var origins: OriginPolicy { allowed.withLock { $0 } }

    func allow(origins: Set<WebOrigin>, nativeOrigins: Set<WebOrigin>) {
        allowed.withLock { $0 = OriginPolicy(own: $0.own, origins: origins, nativeOrigins: nativeOrigins) }
    }

    private var metrics: PawlMetrics { environment.metrics }
    private var logger: Logger { environment.logger }
    private var refreshCookie: RefreshCookie { RefreshCookie(path: configuration.cookiePath) }

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
        let refuse: Handler = { request in
            if let preflight = request.preflight(for: handlers.keys) { return preflight }
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
        let policy = origins
        let sender = policy.sender(of: request.headers)
        var response: Response
        do {
            try request.check(longestHead: longestHead)
            let cookie = try cookie(of: request, from: sender)
            let apiRequest = APIRequest(
                request: request, content: try await content(of: request), pathParameter: context.parameters.get("id"),
                origin: Origin(address: address, userAgent: request.headers[.userAgent] ?? ""), sender: sender,
                cookie: cookie, refreshCookie: refreshCookie)
            response = try await handler(apiRequest)
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
        guard let count = refusals.note(refusal, at: environment.clock.now) else { return }
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
        let codings = request.headers[values: .contentEncoding].flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
            .map { String(Substring($0)).trimmingCharacters(in: .whitespaces) }
        guard codings.allSatisfy({ $0.isASCII(equalTo: "identity") || $0.isEmpty }) else {
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
