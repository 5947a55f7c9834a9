import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection that sends exactly the bytes that a test writes: for requests that no HTTP client would make.
struct RawConnection {
    private let channel: any Channel
    private let answers: Answers

    /// Sends `parts` one after the other and returns all that the server answers until it closes the connection.
    static func exchange(port: Int, _ parts: [String], closeAfter: Bool = false) async throws -> String {
        try await converse(port: port) { connection in
            for part in parts { await connection.send(part) }
            if closeAfter { connection.finish() }
            return await connection.receiveAll()
        }
    }

    /// Sends `opening` and then `chunk` again and again, and reads meanwhile, until the server closes the connection or
    /// `limit` bytes are sent.
    /// - Returns: all that the server answered, and how many bytes the system took.
    static func flood(port: Int, opening: String, chunk: String, limit: Int) async throws -> (String, sent: Int) {
        try await converse(port: port) { connection in
            var sent = 0
            await connection.send(opening)
            while sent < limit, await connection.send(chunk) { sent += chunk.utf8.count }
            return (await connection.receiveAll(), sent)
        }
    }

    /// A connection on which a test decides what to send by what has come.
    static func converse<Result>(port: Int, _ body: (RawConnection) async throws -> Result) async throws -> Result {
        let answers = Answers()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(answers: answers))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        defer { channel.close(promise: nil) }
        return try await body(RawConnection(channel: channel, answers: answers))
    }

    /// - Returns: whether it was sent; not if the server has closed the connection.
    @discardableResult
    func send(_ text: String) async -> Bool {
        do {
            try await channel.writeAndFlush(ByteBuffer(string: text)).get()
            return true
        } catch {
            return false
        }
    }

    func finish() { channel.close(mode: .output, promise: nil) }

    /// Takes what has come up to and with `end`, and waits for it; less if the server closes the connection before.
    func receive(through end: String) async -> String { await answers.take { $0.firstRange(of: end)?.upperBound } }

    /// Takes all that comes until the server closes the connection.
    func receiveAll() async -> String { await answers.take { _ in nil } }

    /// What has come and was not taken.
    private final class Answers: Sendable {
        private struct State {
            var text = ""
            var isComplete = false
        }

        private let state = Mutex(State())
        private let changes = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

        func append(_ text: String) {
            state.withLock { $0.text += text }
            changes.continuation.yield()
        }

        func complete() {
            state.withLock { $0.isComplete = true }
            changes.continuation.finish()
        }

        func take(to end: (String) -> String.Index?) async -> String {
            var changes = changes.stream.makeAsyncIterator()
            while true {
                let taken = state.withLock { state -> String? in
                    guard let index = end(state.text) ?? (state.isComplete ? state.text.endIndex : nil) else {
                        return nil
                    }
                    defer { state.text = String(state.text[index...]) }
                    return String(state.text[..<index])
                }
                if let taken { return taken }
                _ = await changes.next()
            }
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        let answers: Answers

        init(answers: Answers) {
            self.answers = answers
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            answers.append(String(buffer: unwrapInboundIn(data)))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { answers.complete() }
        }

        func channelInactive(context: ChannelHandlerContext) { answers.complete() }

        // The server closed while we still had bytes to send: what it said before counts.
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
