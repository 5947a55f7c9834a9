import Foundation
import Glibc
import NIOHTTP1
import PawlAPI
import ServerTesting
import Testing

@Suite("Stopping behind a load balancer", .timeLimit(.minutes(2)))
struct DrainTests {
    // FAULTS C6
    @Test
    func `After SIGTERM /readyz answers 503 while the API accepts new connections until the drain delay is over`()
        async throws
    {
        let place = try Workplace()
        let server = try await place.serve(["--drain-delay", "5"])
        #expect(try await place.send(.GET, PawlPath.readiness, port: place.opsPort).status == 200)
        let start = ContinuousClock.now
        server.signal(SIGTERM)
        try await server.waitUntilPrinted("Draining")
        let answer = try await place.send(.GET, PawlPath.readiness, port: place.opsPort)
        #expect(answer.status == 503)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("about to stop"))
        #expect(try await place.send(.GET, PawlPath.health, port: place.opsPort).status == 200)
        let tokens = try await place.register("alice")
        #expect(try await place.refresh(try #require(tokens.refreshToken), attempt: "alices-attempt-01").status == 200)
        #expect(await server.end() == 0)
        #expect(ContinuousClock.now - start >= .seconds(5))
        await #expect(throws: (any Error).self) { try await place.send(.GET, PawlPath.keys) }
    }

    // FAULTS C6
    @Test
    func
        `The shipped systemd unit sets a drain delay of 5 s, and its stop time-out is longer than draining and stopping`()
        throws
    {
        let unit = try String(
            contentsOf: PawlProcess.repository.appending(path: "packaging/pawl.service"), encoding: .utf8)
        let delay = try #require(unit.firstMatch(of: /(?m)^Environment=PAWL_DRAIN_DELAY=([0-9]+)$/)).1
        let patience = try #require(unit.firstMatch(of: /(?m)^TimeoutStopSec=([0-9]+)$/)).1
        #expect(delay == "5")
        #expect(try #require(Int(patience)) > 5 + 30)
    }

    // FAULTS C10
    @Test
    func `pawl serve answers on the operations listener only under --ops-names, IP addresses and localhost`()
        async throws
    {
        let place = try Workplace()
        let server = try await place.serve(["--ops-names", "Pawl.Internal, other.internal"])
        for (host, status) in [
            ("pawl.internal", 200), ("other.internal:8081", 200), ("localhost", 200), ("127.0.0.1", 200),
            ("evil.example", 421),
        ] {
            let answer = try await place.send(.GET, PawlPath.readiness, headers: ["Host": host], port: place.opsPort)
            #expect(answer.status == status, "\(host)")
        }
        #expect(server.printed.contains("request_refused"), "at the default level")
        #expect(await server.stop() == 0)
    }
}
