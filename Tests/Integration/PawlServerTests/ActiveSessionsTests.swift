import NIOHTTP1
import PawlAPI
import PawlCore
import PawlServer
import PawlTesting
import Testing

@Suite("Active sessions", .timeLimit(.minutes(5)))
struct ActiveSessionsTests {
    @Test
    func `active sessions are counted by each round of housekeeping anew, without those that ended`() async throws {
        try await LiveServer.run { server in
            func counted() async throws -> String? {
                try await server.pawl.engine.housekeeping.keepHouse()
                let lines = try await server.send(.GET, PawlPath.metrics).text.split(separator: "\n")
                return lines.first { $0.hasPrefix("pawl_sessions_active ") }.map(String.init)
            }
            let ana = try await server.register("ana")
            _ = try await server.register("bob")
            #expect(try await counted() == "pawl_sessions_active 2")
            try await server.pawl.engine.sessions.signOut(
                PresentedToken(
                    refreshToken: try #require(ana.refreshToken), delivery: .body, attempt: nil,
                    origin: Origin(address: "192.0.2.7", userAgent: "")))
            #expect(try await counted() == "pawl_sessions_active 1")
            server.clock.advance(by: 7 * 86400)
            #expect(try await counted() == "pawl_sessions_active 0")
        }
    }
}
