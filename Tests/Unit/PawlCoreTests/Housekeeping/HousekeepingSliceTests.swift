import PawlTesting
import Testing

@testable import PawlCore

/// FAULTS D5
@Suite("Slices of housekeeping")
struct HousekeepingSliceTests {
    @Test func `each tick of housekeeping looks at one slice of each table`() async throws {
        let server = try await Server()
        for number in 0..<1100 {
            let keys = try Sample.throttleKeys("owner \(number / 2)", "192.0.2.\(number % 2)")
            _ = try await server.store.base.reserve(keys, at: server.clock.now)
        }
        for number in 0..<1100 {
            try await server.store.base.append(Event(.registered, at: server.clock.now + Int64(number / 1000)))
        }
        server.clock.advance(by: 3 * 86400)
        var (round, ticks) = (HousekeepingRound(), 0)
        repeat {
            server.store.forgetCalls()
            try await server.engine.housekeeping.tidy(&round, eventRetention: 86400)
            ticks += 1
            for call in [ObservedStore.Call.deleteThrottles, .deleteEvents, .deleteSessions] {
                #expect(server.store.calls.count { $0 == call } <= 1)
            }
        } while round.isUnderWay && ticks < 20
        #expect((3...5).contains(ticks), "a slice is 500 rows: \(ticks)")
        #expect(try await server.events().isEmpty)
        #expect(
            try await server.store.base.deleteThrottles(
                forgottenAt: server.clock.now, after: nil, limit: 1) == nil, "none is left")
    }
}
