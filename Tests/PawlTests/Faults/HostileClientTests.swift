import Foundation
import NIOCore
import PawlAPI
import PawlTesting
import Testing

@Suite("Hostile clients", .serialized)
struct HostileClientTests {
    @Test("Bodies without end and floods of broken requests: refused early, memory flat")
    func oversized() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        try await place.expectService(to: &client)
        let post = "POST \(PawlPath.login) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        let mebibyte = String(repeating: "[", count: 1 << 20)
        let chunk = "100000\r\n\(mebibyte)\r\n"
        let openings = [
            post + "Content-Length: 104857600\r\n\r\n" + String(repeating: mebibyte, count: 4),
            post + "Transfer-Encoding: chunked\r\n\r\n" + String(repeating: chunk, count: 4),
            post + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n\u{1f}aaaaaaaaaaaaaaaaaaa",
            "GET /" + String(repeating: "a", count: 1 << 20) + " HTTP/1.1\r\n\r\n",
            String(repeating: "\0", count: 1 << 16),
        ]
        func flood() async throws {
            for opening in openings {
                let channels = try await IdleConnections.open(20, port: place.port, .init(opening: opening))
                try await place.expectService(to: &client)
                await IdleConnections.close(channels)
            }
        }
        try await flood()
        let memory = try server.residentMemory
        for _ in 0..<4 { try await flood() }
        #expect(try server.residentMemory - memory < 32 * 1024, "KiB")
        #expect(await server.stop() == 0)
    }
}
