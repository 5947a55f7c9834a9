import NIOCore
import NIOHTTP1
import NIOPosix

/// One keep-alive connection with one request in flight at a time. It lives on the driver's one event loop and goes on
/// over a new connection where the server closes one.
final class Lane: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// After so long, an answer does not come any more: the server's own limit is the same.
    private static let patience = TimeAmount.seconds(30)
    /// Waiting is cut into pieces so that an interrupt does not wait with it.
    private static let longestNap = TimeAmount.milliseconds(250)

    private let index: Int
    private let target: BenchTarget
    private let loop: any EventLoop
    private var context: ChannelHandlerContext?
    private var run: LoadRun?
    private var request = ByteBuffer()
    private var answer = Answer()
    private var closesAfterwards = false
    private var sentAt: NIODeadline?
    private var pausedUntil: NIODeadline?

    init(index: Int, target: BenchTarget, loop: any EventLoop) {
        self.index = index
        self.target = target
        self.loop = loop
    }

    func connect() -> EventLoopFuture<Void> {
        let lane = NIOLoopBound(self, eventLoop: loop)
        return ClientBootstrap(group: loop)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        VerbatimRequests(), ByteToMessageHandler(HTTPResponseDecoder()), lane.value)
                }
            }
            .connect(host: target.host, port: target.port).map { _ in }
    }

    /// Takes part in a run until it is over.
    func begin(_ run: LoadRun) {
        self.run = run
        pausedUntil = nil
        proceed()
    }

    /// Gives up on an answer that takes too long.
    func check(at now: NIODeadline) {
        if let sentAt, now - sentAt > Self.patience { context?.close(promise: nil) }
    }

    private func proceed() {
        guard let run else { return }
        let now = NIODeadline.now()
        guard !run.isOver(at: now) else { return finish(run) }
        if let pausedUntil, now < pausedUntil { return nap(pausedUntil - now) }
        guard let context else { return reconnect(run) }
        request.clear()
        switch run.workload.next(on: index, into: &request) {
        case .send:
            sentAt = .now()
            context.write(wrapOutboundOut(.head(run.head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(request))), promise: nil)
        case .wait(let time): nap(time)
        case .finish: finish(run)
        }
    }

    private func nap(_ time: TimeAmount) {
        loop.assumeIsolated().scheduleTask(in: min(time, Self.longestNap)) { self.proceed() }
    }

    private func finish(_ run: LoadRun) {
        self.run = nil
        run.finishLane()
    }

    private func reconnect(_ run: LoadRun) {
        connect().assumeIsolated().whenComplete { result in
            switch result {
            case .success: self.proceed()
            case .failure:
                run.fail("no connection")
                self.nap(Self.longestNap)
            }
        }
    }

    func channelActive(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer = Answer(status: head.status.code)
            closesAfterwards = !head.isKeepAlive
            if head.status.code >= 400 {
                answer.retryAfter = head.headers.first(name: "Retry-After").flatMap(Int64.init).map { .seconds($0) }
            }
        case .body(var bytes):
            if answer.body.readableBytes == 0 { answer.body = bytes } else { answer.body.writeBuffer(&bytes) }
        case .end:
            takeAnswer()
        }
    }

    private func takeAnswer() {
        guard let run, let sentAt else { return }
        self.sentAt = nil
        let now = NIODeadline.now()
        switch run.workload.judge(answer, on: index) {
        case .good: run.succeed(after: now - sentAt, at: now)
        case .bad(let fault): run.fail(fault, code: answer.code, at: now)
        }
        if let time = answer.retryAfter, run.respectsRetryAfter { pausedUntil = now + time }
        if closesAfterwards { close() }
        proceed()
    }

    private func close() {
        let context = context
        self.context = nil
        context?.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard context === self.context else { return }
        self.context = nil
        guard let run, sentAt != nil else { return }
        sentAt = nil
        run.workload.abandon(on: index)
        run.fail("no answer")
        nap(Self.longestNap)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Lets requests pass as they were built, head and all, in one piece. The response decoder still has to see a head go
/// by, since it reads an answer by the method of its request; that head stays here.
final class VerbatimRequests: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = IOData

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .body(let bytes) = unwrapOutboundIn(data) else {
            promise?.succeed()
            return
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }
}
