import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Housekeeping")
struct HousekeepingTests {
    @Test(.tags(.p11))
    func `housekeeping deletes nothing within seven days of a deadline`() async throws {
        let server = try await Server()
        let (idle, ended) = (try await server.register(), try await server.login())
        try await server.sessions.signOut(
            PresentedToken(refreshToken: ended.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
        func left(after seconds: Int64) async throws -> [Bool] {
            server.clock.advance(by: seconds)
            try await server.keepHouse(eventRetention: 365 * 86400)
            return [
                try await server.store.base.session(idle.session.id) != nil,
                try await server.store.base.session(ended.session.id) != nil,
            ]
        }
        #expect(try await left(after: 7 * 86400) == [true, true])
        #expect(try await left(after: 1) == [true, false], "it ended seven days ago")
        #expect(try await left(after: 7 * 86400 - 1) == [true, false])
        #expect(try await left(after: 1) == [false, false], "it was idle for seven days, seven days ago")
    }

    @Test func `housekeeping forgets events after their retention, and throttles after two days`() async throws {
        let server = try await Server()
        try await server.register()
        await #expect(throws: SessionError.invalidCredentials) {
            try await server.login("ana", "something quite wrong")
        }
        server.clock.advance(by: 2 * 86400 + 1)
        for (retention, events) in [(2 * 86400 + 1, 4), (2 * 86400, 0)] as [(Int64, Int)] {
            var round = HousekeepingRound()
            try await server.engine.housekeeping.tidy(&round, eventRetention: retention)
            #expect(try await server.events().count == events)
        }
    }
}
