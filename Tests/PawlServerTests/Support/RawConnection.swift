import NIOCore
import NIOPosix

/// A TCP connection that sends exactly the bytes that a test writes: for requests that no HTTP client would make.
enum RawConnection {
    /// Sends `parts` one after the other and returns all that the server answers until it closes the connection.
    static func exchange(port: Int, _ parts: [String], closeAfter: Bool = false) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            for part in parts { try await outbound.write(ByteBuffer(string: part)) }
            if closeAfter { outbound.finish() }
            var answer = ByteBuffer()
            do {
                for try await var bytes in inbound { answer.writeBuffer(&bytes) }
            } catch is IOError {
                // The server closed while we still had bytes to send: what it said before counts.
            }
            return String(buffer: answer)
        }
    }
}
