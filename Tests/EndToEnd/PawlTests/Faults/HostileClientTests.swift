import Foundation
import Glibc
import NIOCore
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("Hostile clients", .serialized, .timeLimit(.minutes(10)))
struct HostileClientTests {
    @Test(.tags(.p10))
    func `1,000 slow clients: all are cut, a healthy one goes on, and memory stays flat`() async throws {
        try raiseLimitOfOpenFiles()
        let place = try Workplace()
        let server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        // What a first crowd leaves behind (buffers, threads, caches) is not growth.
        await IdleConnections.close(try await IdleConnections.open(1000, port: place.port))
        try await place.expectService(to: &client)
        let files = try server.openFiles
        let memory = try server.residentMemory

        let keySet = "GET \(PawlPath.keys) HTTP/1.1\r\nHost: a\r\n\r\n"
        let post = "POST \(PawlPath.refresh) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        let crowds: [(Int, IdleConnections.Habit)] = [
            (300, .init()),
            (300, .init(opening: "GET /auth/session HTTP/1.1\r\nHost: a\r\nX-Slow: ", dribble: "a")),
            (200, .init(opening: post + "Content-Length: 10000\r\n\r\n{", dribble: " ")),
            (180, .init(opening: post + "Transfer-Encoding: chunked\r\n\r\n", dribble: "1\r\n \r\n")),
            // More than the system's buffers hold of what they do not read; a share of it at a time is made.
            (20, .init(opening: String(repeating: keySet, count: 5000), isReading: false)),
        ]
        var channels: [any Channel] = []
        for (count, habit) in crowds {
            channels += try await IdleConnections.open(count, port: place.port, habit)
        }

        // The longest limit is 30 s; what a slow reader is owed is made first.
        var slowest = Duration.zero
        var peak = memory
        let end = ContinuousClock.now + .seconds(75)
        repeat {
            let start = ContinuousClock.now
            #expect(try await client.refresh(at: place).status == 200)
            slowest = max(slowest, ContinuousClock.now - start)
            peak = max(peak, try server.residentMemory)
            try await Task.sleep(for: .milliseconds(50))  // paces the healthy client
        } while try server.openFiles > files + 10 && ContinuousClock.now < end
        #expect(try server.openFiles <= files + 10, "every slow client is cut")
        #expect(slowest < .seconds(3), "of a debug build, on a machine that may be busy")
        await IdleConnections.close(channels)
        try await place.expectService(to: &client)
        let grown = try server.residentMemory - memory
        #expect(grown < 32 * 1024, "KiB, after; \(peak - memory) at the peak")
        #expect(peak - memory < 128 * 1024, "KiB, for a thousand connections")
        print(
            "1,000 slow clients: slowest healthy refresh \(slowest), memory +\(grown) KiB after, +\(peak - memory) at the peak"
        )
        #expect(await server.stop() == 0)
    }

    @Test
    func `Bodies without end and floods of broken requests: refused early, memory flat`() async throws {
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

    /// For the sockets of the clients, which are all in this process.
    private func raiseLimitOfOpenFiles() throws {
        var limit = rlimit()
        try #require(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        limit.rlim_cur = limit.rlim_max
        try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        try #require(limit.rlim_cur > 2500, "a thousand clients need as many open files")
    }
}
