import NIOCore
import NIOHTTP1

/// Ends a connection whose framing takes many more bytes than its content: the decoder reads extensions of chunks, trailers,
/// and empty lines before a request without end, and nothing else hears of them. It stands before the decoder;
/// ``ConnectionHandler`` says what came out.
final class FramingGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes of framing that any request may have, its head among them, and for each byte of content: a chunk of one byte has six around it.
    private static let free = 64 * 1024
    private static let perByte = 8

    private var read = 0
    private var content = 0
    private var isBroken = false

    /// A request's head was read.
    func begin() { (read, content) = (0, 0) }
    func receive(_ bytes: Int) { content += bytes }
    /// All of it was read, and the next one may begin.
    func end() { (read, content) = (0, 0) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        let size = unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
        read += size
        guard read - content > Self.free + Self.perByte * content else { return }
        isBroken = true
        context.fireErrorCaught(HTTPParserError.invalidChunkSize)
    }
}
