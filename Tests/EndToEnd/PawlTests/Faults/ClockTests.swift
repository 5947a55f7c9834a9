import Foundation
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

// FAULTS D0, F4
@Suite("Clocks that are wrong", .serialized, .tags(.p5), .timeLimit(.minutes(10)))
struct ClockTests {
    private static let offsets = ["+8d", "+20d", "+400d", "-400d"]

    @Test
    func `A minute of housekeeping under a clock that has jumped deletes nothing, on either database`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for offset in Self.offsets { group.addTask { try await Self.keepHouseOnPostgreSQL(under: offset) } }
            group.addTask { try await Self.keepHouseOnSQLite() }
            try await group.waitForAll()
        }
    }

    private static func keepHouseOnPostgreSQL(under offset: String) async throws {
        let cluster = try await Cluster()
        let arguments = cluster.arguments + ["--password-memory", "7168", "--password-passes", "1"]
        let (right, wrong) = (cluster.nodes[0], cluster.nodes[1])
        let clock = try FakeClock(in: wrong.folder)
        var servers = [try await right.serve(arguments)]
        var clients: [HonestClient] = []
        for number in 0..<8 { clients.append(try await HonestClient("user-\(number)", at: right)) }
        servers.append(try wrong.start(arguments, by: clock.runner))
        try await servers[1].waitUntilPrinted("Pawl is ready")
        #expect(await servers[0].stop() == 0, "so that the other one keeps house")

        try clock.set(offset)
        #expect(try await clients[0].refresh(at: wrong).status == 200, "judged by the database's time at once")
        clients.append(try await HonestClient("latecomer", at: wrong))
        #expect(try await wrong.readiness == 503)
        #expect(servers[1].printed.contains("clock_off"))
        // Under a clock that was set back libfaketime holds up all timers, also those of the monotonic clock.
        if offset.hasPrefix("+") { try await wrong.waitForHousekeeping() }
        let rows = try await cluster.server.query(
            """
            SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM events WHERE kind = 'session_started'),
                (SELECT count(*) FROM signing_keys),
                (SELECT max(activates_at) < extract(epoch FROM now()) FROM signing_keys)
            """, in: cluster.database)
        #expect(rows == "9|9|1|t", "\(offset)")

        servers[0] = try await right.serve(arguments)
        for index in clients.indices {
            #expect(try await clients[index].refresh(at: wrong).status == 200, "\(offset)")
            #expect(try await clients[index].look(at: right) == 200, "its access token is good elsewhere: \(offset)")
            #expect(try await clients[index].refresh(at: right).status == 200, "\(offset)")
        }
        #expect(await servers.stop() == [0, 0])
    }

    private static func keepHouseOnSQLite() async throws {
        let place = try Workplace()
        let clock = try FakeClock(in: place.folder)
        let server = try place.start(by: clock.runner)
        try await server.waitUntilPrinted("Pawl is ready")
        var client = try await HonestClient("alice", at: place)
        try clock.set("+20d")
        try await place.waitForHousekeeping()
        #expect(server.printed.contains("clock_jumped"))
        try clock.set("+0")
        #expect(try await client.refresh(at: place).status == 200)
        #expect(await server.stop() == 0)
    }

    @Test(arguments: offsets + ["+1h"])
    func `A server on PostgreSQL that starts under a wrong clock goes by the database's`(offset: String) async throws {
        let cluster = try await Cluster()
        let (right, wrong) = (cluster.nodes[0], cluster.nodes[1])
        let clock = try FakeClock(in: wrong.folder)
        try clock.set(offset)
        let first = try await right.serve(cluster.arguments)
        let second = try wrong.start(cluster.arguments, by: clock.runner)
        try await second.waitUntilPrinted("Pawl is ready")
        #expect(second.printed.contains("clock_off") && !first.printed.contains("clock_off"))

        // A repeat that names no attempt, at another server, a moment later.
        let token = try #require(try await right.register("ana").refreshToken)
        var successors: Set<String> = []
        for node in [right, wrong] {
            let answer = try await node.send(.POST, PawlPath.refresh, RefreshRequest(refreshToken: token))
            #expect(answer.status == 200)
            successors.insert(try JSONDecoder().decode(TokenResponse.self, from: answer.body).refreshToken ?? "")
        }
        #expect(successors.count == 1)
        #expect(await [first, second].stop() == [0, 0])
    }

    @Test
    func `A database whose clock jumps: servers wait, sign nobody out, and go on once it is set right`() async throws {
        let place = try Workplace()
        let clock = try FakeClock(in: place.folder)
        let server = try await PostgresServer(by: clock.runner)
        let cluster = try await Cluster(on: server)
        let servers = try await cluster.serve()
        var clients: [HonestClient] = []
        for number in 0..<4 { clients.append(try await HonestClient("user-\(number)", at: cluster.nodes[number % 2])) }
        for offset in ["+20d", "-400d"] {
            try clock.set(offset)
            for process in servers {
                try await process.waitUntilPrinted("clock_disputed", times: offset == "+20d" ? 1 : 2)
            }
            for index in clients.indices {
                let refused = try await clients[index].refresh(at: cluster.nodes[index % 2])
                #expect(refused == (503, .unavailable))
                #expect(try await clients[index].signIn(at: cluster.nodes[index % 2]) == 503)
            }
            for node in cluster.nodes { #expect(try await node.readiness == 503) }
            let third = try Workplace(url: server.url(cluster.database), secret: cluster.secret)
            let late = try third.start(cluster.arguments)
            #expect(await late.end() == 1)
            #expect(late.printed.contains("Set the clock that is wrong"))

            try clock.set("+0")
            for process in servers {
                try await process.waitUntilPrinted("clock_settled", times: offset == "+20d" ? 1 : 2)
            }
            for index in clients.indices {
                #expect(try await clients[index].refresh(at: cluster.nodes[1 - index % 2]).status == 200)
            }
            for node in cluster.nodes { #expect(try await node.readiness == 200) }
        }
        #expect(await servers.stop() == [0, 0])
        await server.remove()
    }
}

extension Workplace {
    /// Waits for the end of the server's first round, which begins within a minute, or two if another server kept house.
    fileprivate func waitForHousekeeping() async throws {
        for _ in 0..<2000 {
            let metrics = String(decoding: try await send(.GET, PawlPath.metrics, port: opsPort).body, as: UTF8.self)
            let line = metrics.split(separator: "\n").first { $0.hasPrefix("pawl_housekeeping_end_timestamp_seconds ") }
            if let line, !line.hasSuffix(" 0") { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw PawlProcess.Failure(description: "No housekeeping in two hundred seconds.")
    }
}

extension PawlProcess {
    /// Waits until it has printed `text` so often.
    fileprivate func waitUntilPrinted(_ text: String, times: Int) async throws {
        for _ in 0..<1000 {
            if printed.components(separatedBy: text).count > times { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Failure(description: "It did not print \(text) \(times) times: \(printed)")
    }
}
