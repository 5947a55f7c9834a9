import HTTPTypes
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlTesting
import Testing

@testable import PawlServer

/// Bytes that one reader takes for something else than another one does. FAULTS C12, C1
@Suite("Odd bytes on the wire", .tags(.p12), .timeLimit(.minutes(2)))
struct OddBytesTests {
    private func cookie(_ text: String) throws -> String? {
        try RefreshCookie(path: .root).value(in: [.cookie: text])
    }

    @Test func `only a semicolon separates cookies, and odd bytes do not hide the cookies beside them`() throws {
        let name = RefreshCookie(path: .root).name
        #expect(try cookie("x=1\u{37E}\(name)=evil") == nil, "the Greek question mark equals a semicolon")
        #expect(try cookie("x=1\u{37E}\(name)=evil; \(name)=own") == "own")
        #expect(try cookie("x=\u{600}; \(name)=own") == "own", "a mark before the semicolon")
        #expect(try cookie("x=1;\u{301}\(name)=evil") == nil)
        #expect(throws: ProblemError.self) { try cookie("\(name)=evil; x=\u{600}; \(name)=own") }
    }

    @Test(arguments: [
        "http://evil/auth/login", "https://evil/auth/login", "http:///auth/login", "x://localhost/auth/login",
        "http://localhost@evil/auth/login", "auth/login",
    ])
    func `a target that names another host than the Host field is refused`(target: String) async throws {
        try await LiveServer.run { server in
            let answer = try await RawConnection.exchange(
                port: server.port, ["GET \(target) HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\r\n"])
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(40))")
            let own = "http://localhost:\(server.port)\(PawlPath.keys)"
            let good = try await RawConnection.exchange(
                port: server.port,
                ["GET \(own) HTTP/1.1\r\nHost: localhost:\(server.port)\r\nConnection: close\r\n\r\n"])
            #expect(good.hasPrefix("HTTP/1.1 200 "), "a proxy's form is read")
        }
    }

    @Test(arguments: [
        ("POST \(PawlPath.login) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;", "a"),
        ("", "\r\n"),
    ])
    func `framing without end is cut, and costs no more than a bounded number of bytes`(
        opening: String, chunk: String
    ) async throws {
        try await LiveServer.run { server in
            let (_, sent) = try await RawConnection.flood(
                port: server.port, opening: opening, chunk: String(repeating: chunk, count: 4096 / chunk.utf8.count),
                limit: 64 << 20)
            #expect(sent < 16 << 20, "\(sent) bytes, of which most are in the system's buffers")
        }
    }

    @Test func `a body in chunks of one byte is read`() async throws {
        try await LiveServer.run { server in
            let body = #"{"identifier":"ana","password":"not the right one"}"#
            let chunks = body.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
            let answer = try await RawConnection.exchange(
                port: server.port,
                [
                    "POST \(PawlPath.login) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json ; charset=UTF-8\r\n"
                        + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", chunks,
                ])
            #expect(answer.hasPrefix("HTTP/1.1 401 "), "\(answer.prefix(60))")
        }
    }

    @Test func `no letter beyond ASCII stands for one in a keyword`() async throws {
        #expect("CHUNKED".isASCII(equalTo: "chunked") && !"chun\u{212A}ed".isASCII(equalTo: "chunked"))
        try await LiveServer.run { server in
            let answer = try await RawConnection.exchange(
                port: server.port,
                [
                    "POST \(PawlPath.login) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chun\u{212A}ed\r\n\r\n0\r\n\r\n"
                ])
            #expect(answer.hasPrefix("HTTP/1.1 501 ") || answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(40))")
        }
    }
}
