import PawlTesting
import Testing

@testable import PawlCore

private let day: Int64 = 86400

// FAULTS D0
@Suite("Housekeeping under a clock that jumps", .tags(.p5))
struct JumpingClockTests {
    private func keepHouse(_ server: Server) async throws {
        var round = HousekeepingRound()
        repeat { try await server.engine.housekeeping.tidy(&round, eventRetention: day) } while round.isUnderWay
    }

    @Test func `deletes nothing at once, also if servers start meanwhile, and signs nobody out once it is set right`()
        async throws
    {
        let server = try await Server()
        let grant = try await server.register()
        try await keepHouse(server)
        server.clock.jump(by: 20 * day)
        try await keepHouse(server)
        let other = try await server.restarted()
        for _ in 0..<60 {
            server.clock.advance(by: 60)
            try await keepHouse(server)
            try await keepHouse(other)
        }
        #expect(try await server.events(.sessionStarted).count == 1, "events are kept as well")
        #expect(server.logs.text.contains("event=clock_jumped"))

        server.clock.jump(by: -20 * day)
        try await keepHouse(server)
        _ = try await server.refresh(grant.refreshToken)
        #expect(server.logs.text.contains("event=clock_followed"))
    }

    @Test func `believes it after two days`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.jump(by: 20 * day)
        server.clock.advance(by: day)
        try await keepHouse(server)
        #expect(try await server.store.session(grant.session.id) != nil)
        server.clock.advance(by: day)
        try await keepHouse(server)
        #expect(try await server.store.session(grant.session.id) == nil)
    }

    @Test func `deletes on time where time has passed`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.advance(by: 14 * day)
        try await keepHouse(server)
        #expect(try await server.store.session(grant.session.id) != nil, "a week is grace")
        server.clock.advance(by: 1)
        try await keepHouse(server)
        #expect(try await server.store.session(grant.session.id) == nil)
    }

    @Test(
        arguments: [
            // Where it was, the clock, the seconds that passed, where it is.
            (0, 60, 60, 60), (0, 60, 0, 0), (0, 20 * day, 60, 480), (0, 20 * day, 3 * day, 20 * day),
            (0, -400 * day, 60, -480), (0, 7 * day, -60, 0),
        ] as [(Int64, Int64, Int64, Int64)])
    func `follows the clock eight times as fast as time passes, either way`(
        from: Int64, clock: Int64, elapsed: Int64, to: Int64
    ) {
        var record = DataLossRecord()
        record.beat(at: Sample.start + from, last: nil, horizon: Sample.start - day)
        record.keepHouse(at: Sample.start + clock, elapsed: elapsed)
        #expect(record.housekeepingTime == Sample.start + to)
    }
}
