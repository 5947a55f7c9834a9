import NIOCore
import NIOHTTP1

/// Ends a request whose framing takes many more bytes than its content: the decoder reads extensions of chunks, and trailers,
/// without end, and nothing else hears of them. It stands before the decoder; ``ConnectionHandler`` says what came out.
final class FramingGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes of framing that any request may have, and for each byte of content: a chunk of one byte has six around it.
    private static let free = 64 * 1024
    private static let perByte = 8

    private var isReceiving = false
    private var read = 0
    private var content = 0
    private var isBroken = false

    /// A request's head was read.
    func begin() { (isReceiving, read, content) = (true, 0, 0) }
    func receive(_ bytes: Int) { content += bytes }
    /// All of it was read.
    func end() { isReceiving = false }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        let size = unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
        guard isReceiving else { return }
        read += size
        guard read - content > Self.free + Self.perByte * content else { return }
        isBroken = true
        context.fireErrorCaught(HTTPParserError.invalidChunkSize)
    }
}
