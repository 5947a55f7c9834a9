import PawlTesting
import Testing

@testable import PawlCore

private let day: Int64 = 86400

// FAULTS D0
@Suite("Housekeeping under a clock that jumps", .tags(.p5))
struct JumpingClockTests {
    @Test
    func
        `housekeeping under a clock that jumps deletes nothing at once, also if servers start meanwhile, and signs nobody out once it is set right`()
        async throws
    {
        let server = try await Server()
        let grant = try await server.register()
        try await server.keepHouse()
        server.clock.jump(by: 20 * day)
        try await server.keepHouse()
        let other = try await server.restarted()
        for _ in 0..<60 {
            server.clock.advance(by: 60)
            try await server.keepHouse()
            try await other.keepHouse()
        }
        #expect(try await server.events(.sessionStarted).count == 1, "events are kept as well")
        #expect(server.logs.text.contains("event=clock_jumped"))

        server.clock.jump(by: -20 * day)
        try await server.keepHouse()
        _ = try await server.refresh(grant.refreshToken)
        #expect(server.logs.text.contains("event=clock_followed"))
    }

    @Test func `housekeeping under a clock that jumps believes it after two days`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.jump(by: 20 * day)
        server.clock.advance(by: day)
        try await server.keepHouse()
        #expect(try await server.store.session(grant.session.id) != nil)
        server.clock.advance(by: day)
        try await server.keepHouse()
        #expect(try await server.store.session(grant.session.id) == nil)
    }

    @Test func `housekeeping under a clock that jumps deletes on time where time has passed`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.advance(by: 14 * day)
        try await server.keepHouse()
        #expect(try await server.store.session(grant.session.id) != nil, "a week is grace")
        server.clock.advance(by: 1)
        try await server.keepHouse()
        #expect(try await server.store.session(grant.session.id) == nil)
    }

    @Test func `a clock that is ten days behind for a while ends no session that is used meanwhile`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        try await server.keepHouse()
        server.clock.jump(by: -10 * day)
        var next = grant
        for _ in 0..<10 {
            server.clock.advance(by: 60)
            next = try await server.refresh(next.refreshToken)
            try await server.keepHouse()
        }
        let other = try await server.restarted()
        other.clock.advance(by: 60)
        next = try await other.refresh(next.refreshToken)
        other.clock.jump(by: 10 * day)
        _ = try await other.refresh(next.refreshToken)
    }

    @Test func `a clock that jumps ahead does not close an open incident or end its sessions`()
        async throws
    {
        let server = try await Server()
        let grant = try await server.register()
        try await server.keepHouse()
        let backup = server.rows
        let lost = try await server.refresh(grant.refreshToken)
        server.rows = backup
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(lost.refreshToken) }
        server.clock.jump(by: 2 * day)
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(lost.refreshToken) }
        server.clock.jump(by: -2 * day)
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        _ = try await server.refresh(lost.refreshToken)
    }

    @Test func `a session goes on once in a window, also if the clock jumps in it, and again after another loss`()
        async throws
    {
        let server = try await Server()
        let (ana, ben) = (try await server.register(), try await server.register("ben"))
        try await server.keepHouse()
        let backup = server.rows
        let (first, bens) = (try await server.refresh(ana.refreshToken), try await server.refresh(ben.refreshToken))
        let copy = try await server.refresh(bens.refreshToken)
        server.rows = backup
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(first.refreshToken) }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        let next = try await server.refresh(first.refreshToken)
        _ = try await server.refresh(bens.refreshToken)
        // The server is off for some hours: for the clock it has jumped.
        server.clock.jump(by: 5 * 3600)
        await #expect(throws: SessionError.sessionEnded(.lost)) { try await server.refresh(copy.refreshToken) }
        let now = server.rows
        server.clock.advance(by: 68)
        try await server.engine.dataLoss.recordHeartbeat()
        let lost = try await server.refresh(next.refreshToken)
        server.rows = now
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(lost.refreshToken) }
        server.clock.advance(by: 1)
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        _ = try await server.refresh(lost.refreshToken)
    }

    @Test func `the time in which the server did not run counts for no leeway`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        try await server.engine.dataLoss.recordHeartbeat()
        _ = try await server.refresh(grant.refreshToken)  // its answer is lost, and the server dies
        server.clock.advance(by: 34)
        let restarted = try await server.restarted()
        _ = try await restarted.refresh(grant.refreshToken)
    }

    @Test(
        arguments: [
            // The clock, the seconds that passed; by when is deleted, and from when idle times are counted.
            (60, 60, 60, 60), (60, 0, 0, 0), (20 * day, 60, 480, 480), (20 * day, 3 * day, 20 * day, 20 * day),
            (-400 * day, 60, -400 * day, -420), (-300, 60, -300, -300), (7 * day, -60, 0, 0),
        ] as [(Int64, Int64, Int64, Int64)])
    func `what is deleted follows a clock ahead eight times as fast as time passes, what is kept one behind`(
        clock: Int64, elapsed: Int64, deletes: Int64, keeps: Int64
    ) {
        var record = DataLossRecord()
        record.beat(at: Sample.start, last: nil, horizon: Sample.start - day)
        record.keepHouse(at: Sample.start, elapsed: 0)
        record.keepHouse(at: Sample.start + clock, elapsed: elapsed)
        #expect(record.housekeepingTime == Sample.start + deletes)
        #expect(record.deadlineTime == Sample.start + keeps)
    }

    @Test func `a clock that was a year ahead when the database was made deletes nothing once it has been set right`() {
        var record = DataLossRecord()
        record.beat(at: Sample.start + 365 * day, last: nil, horizon: Sample.start)
        record.beat(at: Sample.start, last: nil, horizon: Sample.start - 365 * day)
        #expect(record.housekeepingTime == Sample.start)
        #expect(record.gaps == [Sample.start - 5...Sample.start + 60], "nothing of the year to come is lost")
        record.keepHouse(at: Sample.start + 20 * day, elapsed: 65)
        #expect(record.housekeepingTime == Sample.start + 520)
    }
}
