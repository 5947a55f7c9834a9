import Foundation
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("Files and clocks that run out", .serialized, .timeLimit(.minutes(10)))
struct ProcessFaultTests {
    @Test
    func `More connections than files: they wait, the database has its own, and closing some serves the next`()
        async throws
    {
        let place = try Workplace()
        let server = try place.start(by: ["/usr/bin/prlimit", "--nofile=256:400"])
        try await server.waitUntilPrinted("Pawl is ready")
        #expect(server.printed.contains("limit of open files leaves fewer connections"))
        var client = try await HonestClient("alice", at: place)
        let idle = try await IdleConnections.open(500, port: place.port)
        // The client's own connection is one of those that were accepted.
        #expect(try await client.refresh(at: place).status == 200)
        #expect(try await place.readiness == 200)
        #expect(try server.openFiles < 400)
        await IdleConnections.close(idle)
        try await place.expectService(to: &client)
        #expect(try await HonestClient("bob", at: place).look(at: place) == 200)
        #expect(await server.stop() == 0)
    }

    @Test
    func `No file left to open: the server lives, and goes on by itself once there are some`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        var client = try await HonestClient("alice", at: place)
        try await place.expectService(to: &client)
        try await limit(server, to: 8)
        // New connections are not accepted; the client's old one is still served.
        let idle = try await IdleConnections.open(50, port: place.port)
        #expect(try await client.refresh(at: place).status == 200)
        try await limit(server, to: 1000)
        try await place.expectService(to: &client)
        await IdleConnections.close(idle)
        for number in 0..<4 {
            #expect(try await HonestClient("user-\(number)", at: place).look(at: place) == 200)
        }
        #expect(await server.stop() == 0)
    }

    @Test
    func `Too few files to begin with: refused, and told how many`() async throws {
        let place = try Workplace()
        let server = try place.start(by: ["/usr/bin/prlimit", "--nofile=64:64"])
        #expect(await server.end() == 1)
        #expect(server.printed.contains("needs 256 or more"))
    }

    /// The soft limit alone: the hard one could not be raised again.
    private func limit(_ server: PawlProcess, to files: Int) async throws {
        let process = try PawlProcess(
            URL(filePath: "/usr/bin/prlimit"), ["--pid", String(server.pid), "--nofile=\(files):"])
        try #require(await process.end() == 0)
    }

    @Test(.tags(.p5))
    func `Clocks that jump an hour back, a day forward, and home: nobody is signed out or kept waiting`() async throws {
        let place = try Workplace()
        let clock = try FakeClock(in: place.folder)
        let server = try place.start(by: clock.runner)
        try await server.waitUntilPrinted("Pawl is ready")
        var client = try await HonestClient("alice", at: place)
        let mistyping = try await HonestClient("bob", at: place)
        try await place.expectService(to: &client)

        for offset in ["-1h", "+1d", "-1h", "+0"] {
            try clock.set(offset)
            if offset == "+1d" {
                for _ in 0..<5 { #expect(try await mistyping.signIn(at: place, password: "mistyped again") == 401) }
                _ = try await mistyping.signIn(at: place, password: "mistyped again")
                #expect(try await mistyping.signIn(at: place) == 429)
            }
            // The access token may be refused; the refresh that follows gives one that is not.
            #expect([200, 401].contains(try await client.look(at: place)))
            let token = client.tokens.refreshToken ?? ""
            try await place.expectService(to: &client)
            #expect(client.tokens.refreshToken != token)
            if offset == "-1h" { continue }
            #expect(try await place.send(.GET, PawlPath.keys).status == 200)
        }
        #expect(try await mistyping.signIn(at: place) == 200, "throttled for a day that never came")
        #expect(await server.stop() == 0)
    }
}
