import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// HTTP/1 whose requests are handled on their connection's own event loop. Elsewhere each step of a request would go
/// from thread to thread, and with as many threads of one kind as of the other the processors would be busy switching.
/// Nothing that a request does blocks: passwords are hashed and the database is written on threads of their own.
struct EventLoopChannel: ServerChildChannel {
    let base: HTTP1Channel
    let limits: HTTPLimits

    /// Requests that a client sends without waiting for answers are read a few at a time: a loop goes back to its other
    /// connections only when all that was read has been handled.
    static let bytesPerRead = 2048

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.bytesPerRead))
            .flatMap { channel.setOption(.maxMessagesPerRead, value: 1) }
            .flatMap { base.setup(channel: channel, logger: logger) }
            .flatMapThrowing { value in
                let pipeline = channel.pipeline.syncOperations
                let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
                let framing = FramingGuard()
                try pipeline.addHandler(framing, position: .first)
                try pipeline.addHandler(ConnectionHandler(limits: limits, framing: framing), position: .before(codec))
                return value
            }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await withTaskExecutorPreference(EventLoopExecutor(eventLoop: value.channel.eventLoop)) {
            await base.handle(value: value, logger: logger)
        }
    }
}

/// Runs tasks on an event loop. NIO has none that is public.
private final class EventLoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { [self] in unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
