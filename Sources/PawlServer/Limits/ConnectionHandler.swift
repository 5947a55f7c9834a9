import HTTPTypes
import NIOCore
import NIOHTTP1
import PawlAPI

/// Enforces the rules of HTTP/1.1 (RFC 9112) that the decoder and Hummingbird leave open: it refuses requests that must
/// not be served, sends `100 Continue`, and ends connections.
///
/// It is the first handler after the decoder. A request that it refuses goes no further; its answer is sent after the
/// answers to the requests before it.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Requests are passed on.
        case open
        /// The last request has been passed on; the connection ends after its answer.
        case ending
        /// The connection ends after this answer, which comes after those to the requests that were passed on.
        case refusing(ProblemError)
        /// Every answer is sent. A bounded number of bytes is read and discarded: if a connection is closed while bytes are
        /// unread, the client may lose the answer (RFC 9112 §9.6).
        case lingering(readsLeft: Int)
    }

    private let limits: HTTPLimits
    private let framing: FramingGuard
    private var phase = Phase.open
    /// Number of requests that were passed on and are not answered yet.
    private var unanswered = 0
    /// Whether the last of them has not arrived completely.
    private var isReceiving = false
    /// Whether its client waits for `100 Continue`.
    private var owesContinue = false
    private var timer: Scheduled<Void>?

    init(limits: HTTPLimits, framing: FramingGuard) {
        self.limits = limits
        self.framing = framing
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            framing.begin()
            guard case .open = phase else { return }
            receive(head, data, context)
        case .body(let content):
            framing.receive(content.readableBytes)
            if isReceiving { context.fireChannelRead(data) }
        case .end:
            framing.end()
            guard isReceiving else { return }
            (isReceiving, owesContinue) = (false, false)
            context.fireChannelRead(data)
        }
    }

    /// - Parameter data: the head as it came, to be passed on without another copy.
    private func receive(_ head: HTTPRequestHead, _ data: NIOAny, _ context: ChannelHandlerContext) {
        if let problem = head.problem {
            phase = .refusing(problem)
            finishIfAnswered(context)
            return
        }
        var data = data
        // Without a Host, a request is meant for the address that it was sent to (RFC 9112 §3.3).
        if head.isOld, !head.headers.contains(name: "Host"), let address = context.localAddress?.authority {
            var head = head
            head.headers.add(name: "Host", value: address)
            data = wrapInboundOut(.head(head))
        }
        unanswered += 1
        isReceiving = true
        owesContinue = head.expectsContinue(upTo: limits.bodySize)
        if head.isLast { phase = .ending }
        sendContinueIfOwed(context)
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The route that reads the body answers this error. No request can follow.
        guard !isReceiving else {
            if case .open = phase { phase = .ending }
            context.fireErrorCaught(error)
            return
        }
        switch (phase, error) {
        case (.open, let error as HTTPParserError):
            phase = .refusing(ProblemError(error, limits: limits))
            finishIfAnswered(context)
        case (.open, _): context.fireErrorCaught(error)
        case (.ending, _), (.refusing, _), (.lingering, _): break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .lingering = phase, let event = event as? ChannelEvent, event == .inputClosed {
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: What goes out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            guard unanswered == 1, head.status.code >= 200 else { return context.write(data, promise: promise) }
            owesContinue = false
            // A request that is answered before it has arrived completely is the last one.
            if isReceiving, case .open = phase { phase = .ending }
            guard case .ending = phase else { return context.write(data, promise: promise) }
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            context.write(data, promise: promise)
            sendContinueIfOwed(context)
            finishIfAnswered(context)
        }
    }

    private func sendContinueIfOwed(_ context: ChannelHandlerContext) {
        guard owesContinue, unanswered == 1 else { return }
        owesContinue = false
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func finishIfAnswered(_ context: ChannelHandlerContext) {
        guard unanswered == 0 else { return }
        switch phase {
        case .open, .lingering: return
        case .ending: break
        case .refusing(let problem):
            let (head, content) = problem.lastAnswer
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(content))), promise: nil)
            context.write(wrapOutboundOut(.end(nil)), promise: nil)
        }
        linger(context)
    }

    // MARK: The end

    private func linger(_ context: ChannelHandlerContext) {
        phase = .lingering(readsLeft: limits.lingerSize / EventLoopChannel.bytesPerRead)
        (isReceiving, owesContinue) = (false, false)
        context.flush()
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.linger)) {
                context.close(promise: nil)
            }
        }
        context.close(mode: .output, promise: written)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .lingering(let reads) = phase { phase = .lingering(readsLeft: reads - 1) }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if case .lingering(let reads) = phase, reads <= 0 { return }
        context.read()
    }
}

extension HTTPRequestHead {
    /// HTTP/1.0.
    var isOld: Bool { version.minor == 0 }

    /// The refusal of a request that must not be passed on; nil for all others.
    var problem: ProblemError? {
        if method == .CONNECT {
            return ProblemError(.notImplemented, .notImplemented, "This server is not a proxy.")
        }
        // RFC 9112 §3.2.2: a target with an authority counts more than the Host field. Clients send the same in both; what
        // comes behind this hears of the path alone.
        if !uri.utf8.starts(with: "/".utf8), uri != "*",
            hostAndPort.map({ !$0.elementsEqual((headers.first(name: "Host") ?? "").utf8) }) ?? true
        {
            return .invalidRequest("The request's target must be a path, or name the host that the Host field names.")
        }
        if headers.contains(name: "Transfer-Encoding") {
            let codings = headers[canonicalForm: "Transfer-Encoding"]
            // RFC 9112 §6.1: a proxy on the way may have framed it differently.
            guard !isOld else { return .invalidRequest("HTTP/1.0 has no Transfer-Encoding. Send Content-Length.") }
            guard codings.count == 1, codings[0].isASCII(equalTo: "chunked") else {
                return ProblemError(
                    .notImplemented, .notImplemented, "The only Transfer-Encoding that this server reads is chunked.")
            }
        }
        // RFC 9110 §10.1.1
        if !isOld, headers.contains(name: "Expect"),
            !headers[canonicalForm: "Expect"].allSatisfy({ $0.isASCII(equalTo: "100-continue") })
        {
            return ProblemError(
                .expectationFailed, .expectationFailed, "The only Expect that this server meets is 100-continue.")
        }
        return nil
    }

    /// Of a target like `http://host/path`; nil for any other.
    private var hostAndPort: Substring.UTF8View? {
        let bytes = uri[...].utf8
        guard let scheme = ["http://", "https://"].first(where: { bytes.starts(with: $0.utf8) }) else { return nil }
        return bytes.dropFirst(scheme.utf8.count).prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    }

    /// Whether the connection ends after the answer. Clients of HTTP/1.0 differ in how they keep a connection, so it is not
    /// kept. After `Upgrade` the decoder reads no further request.
    var isLast: Bool { isOld || !isKeepAlive || headers.contains(name: "Upgrade") }

    /// Whether the client waits for `100 Continue` and gets it. For a body larger than `size` bytes it does not: the route
    /// refuses that body at once.
    func expectsContinue(upTo size: Int) -> Bool {
        guard !isOld, headers.contains(name: "Expect") else { return false }
        guard let length = headers.first(name: "Content-Length") else {
            return headers.contains(name: "Transfer-Encoding")
        }
        return Int(length).map { 1...size ~= $0 } ?? false
    }
}

extension SocketAddress {
    /// As it stands in a `Host` field.
    fileprivate var authority: String? {
        guard let ipAddress, let port else { return nil }
        return ipAddress.contains(":") ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
    }
}

extension ProblemError {
    /// The answer to bytes that the decoder cannot read.
    fileprivate init(_ error: HTTPParserError, limits: HTTPLimits) {
        switch error {
        case .headerOverflow:
            self.init(
                .requestHeaderFieldsTooLarge, .headerFieldsTooLarge,
                """
                The head of a request has at most \(limits.headerSize) bytes and \(limits.headerCount) fields. If a \
                browser sent this, delete the cookies of this site.
                """)
        case .invalidMethod:
            self.init(.notImplemented, .notImplemented, "This server does not know this method, or this is not HTTP.")
        case .invalidVersion:
            self.init(.httpVersionNotSupported, .invalidRequest, "Send HTTP/1.1.")
        default:
            self.init(
                .badRequest, .invalidRequest,
                "This request cannot be read. Check its first line, its header fields and its framing.")
        }
    }

    /// Its answer on a connection that ends afterwards.
    fileprivate var lastAnswer: (head: HTTPResponseHead, content: ByteBuffer) {
        let content = self.content
        var fields = HTTPHeaders(HTTPFields.protection.map { ($0.name.rawName, $0.value) })
        fields.add(name: "Content-Type", value: Problem.contentType)
        fields.add(name: "Content-Length", value: String(content.readableBytes))
        fields.add(name: "Connection", value: "close")
        let status = HTTPResponseStatus(statusCode: status.code, reasonPhrase: status.reasonPhrase)
        return (HTTPResponseHead(version: .http1_1, status: status, headers: fields), content)
    }
}
