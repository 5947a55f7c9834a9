import NIOCore
import NIOHTTPTypes

/// Closes a connection whose client takes longer than a phase may last, however many bytes it dribbles meanwhile.
final class DeadlineHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: HTTPLimits
    private let crowd: Crowd
    private var member: Crowd.Member?
    private var isReceiving = false
    private var unanswered = 0
    /// Answers that are complete and not sent: their client does not read.
    private var unsent = 0
    private var hasReceived = false
    /// Whether the server is about to stop, and waits for clients no longer than it must.
    private var isStopping = false
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private var timerEnd: NIODeadline?

    init(limits: HTTPLimits, crowd: Crowd) {
        self.limits = limits
        self.crowd = crowd
    }

    func handlerAdded(context: ChannelHandlerContext) {
        arm(context)
        member = crowd.join(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            isReceiving = true
            hasReceived = true
            unanswered += 1
            arm(context)
        case .body:
            break
        case .end:
            isReceiving = false
            arm(context)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            context.write(data, promise: promise)
            return
        }
        let written = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        unsent += 1
        written.futureResult.whenSuccess {
            let (handler, context) = bound.value
            handler.unanswered -= 1
            handler.unsent -= 1
            handler.arm(context)
        }
        context.write(data, promise: written)
        if isStopping { arm(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isStopping = true
            arm(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// How long the phase may last, in seconds.
    private var patience: Int64 {
        switch (isReceiving, unanswered > 0) {
        case (true, _): isStopping ? min(limits.request, limits.linger) : limits.request
        case (false, true): isStopping && unsent > 0 ? min(limits.answer, limits.linger) : limits.answer
        case (false, false): hasReceived ? limits.idle : min(limits.idle, limits.opening)
        }
    }

    /// A new phase begins, with its own deadline. The timer that runs already looks again when it fires: phases change
    /// several times a request, timers then once in many requests.
    private func arm(_ context: ChannelHandlerContext) {
        guard context.channel.isActive || !isReceiving && unanswered == 0 else {
            timer?.cancel()
            return
        }
        let now = NIODeadline.now()
        // If a request other than the arriving one is unanswered, the server is working.
        if let member {
            crowd.update(
                member, waitingSince: unanswered == (isReceiving ? 1 : 0) ? now : nil, isReceiving: isReceiving)
        }
        deadline = now + .seconds(patience)
        if let timer = timerEnd, timer <= deadline { return }
        schedule(context)
    }

    private func schedule(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timerEnd = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timerEnd = nil
            if self.deadline <= .now() { context.close(promise: nil) } else { self.schedule(context) }
        }
    }
}
