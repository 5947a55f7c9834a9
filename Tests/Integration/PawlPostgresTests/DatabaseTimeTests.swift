import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

private let day = 86400.0

// FAULTS D0
@Suite("The time that a server on PostgreSQL goes by", .tags(.p5), .timeLimit(.minutes(5)))
struct DatabaseTimeTests {
    /// What three clocks say ten seconds after they all said 1000.
    struct Reading: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let database: Double
        let machine: Double
        /// The time to go by afterwards.
        let time: Double
        var isDisputed = false
        var isMachineOff = false
    }

    static let readings = [
        Reading(testDescription: "all agree", database: 1010, machine: 1010, time: 1010),
        Reading(
            testDescription: "the machine is 20 days ahead", database: 1010, machine: 1010 + 20 * day, time: 1010,
            isMachineOff: true),
        Reading(
            testDescription: "the machine is 400 days behind", database: 1010, machine: 1010 - 400 * day, time: 1010,
            isMachineOff: true),
        Reading(testDescription: "the machine is a second ahead", database: 1010, machine: 1011, time: 1010),
        Reading(testDescription: "the answer took a moment", database: 1010.05, machine: 1010, time: 1010),
        Reading(testDescription: "the database was set a little", database: 1011.5, machine: 1010, time: 1011.5),
        Reading(
            testDescription: "the database was set by less than a minute", database: 1069, machine: 1010, time: 1069,
            isMachineOff: true),
        Reading(
            testDescription: "the database jumps 20 days ahead alone", database: 1010 + 20 * day, machine: 1010,
            time: 1010, isDisputed: true, isMachineOff: true),
        Reading(
            testDescription: "the database jumps 400 days back alone", database: 1010 - 400 * day, machine: 1010,
            time: 1010, isDisputed: true, isMachineOff: true),
        Reading(
            testDescription: "the database and the machine jump together", database: 1010 + 20 * day,
            machine: 1010 + 20 * day, time: 1010 + 20 * day),
    ]

    @Test(arguments: readings)
    func `the time to go by is the database's, unless its clock jumps and no other clock agrees`(reading: Reading)
        throws
    {
        var bearings = DatabaseTime.Bearings()
        bearings.look(1000, at: 0, precision: 0.1, machine: 1000...1001)
        bearings.look(reading.database, at: 10, precision: 0.1, machine: reading.machine...reading.machine + 1)
        #expect(try #require(bearings.origin) + 10 == reading.time)
        #expect(bearings.isDisputed == reading.isDisputed)
        #expect(bearings.isMachineOff == reading.isMachineOff)
        bearings.look(1020, at: 20, precision: 0.1, machine: 1020...1021)
        #expect(try #require(bearings.origin) + 20 == 1020 && !bearings.isDisputed, "all agree again")
    }

    @Test func `a database that commits slowly, so that its answer is old, puts no clock into doubt`() async throws {
        let logs = LogCapture()
        let machine = ManualClock(UnixTime(seconds: 1000))
        let time = DatabaseTime(machine: machine.clock, logger: logs.logger)
        time.note(1000.5, asked: (0, machine.now), answered: (0.01, machine.now))
        let asked = (10.0, machine.now + 10)
        time.note(1010.4, asked: asked, answered: (80, machine.now + 80))
        try time.checkMachine()
        try time.check()
        #expect(logs.text.isEmpty)
        time.note(1010.4, asked: (80, machine.now + 80), answered: (81, machine.now + 81))
        #expect(throws: StoreError.self) { try time.checkMachine() }
    }

    @Test
    func `the time to go by does not change when this machine's clock is set, and the log tells begin and end once`()
        async throws
    {
        try await withStore { store, _ in
            let logs = LogCapture()
            let machine = ManualClock(WallClock.system.now)
            let time = DatabaseTime(machine: machine.clock, logger: logs.logger)
            func look() async throws {
                _ = try await store.run { try PostgresStore.readRecovery(on: $0, time) }
            }
            for offset: Int64 in [0, 20 * 86400, 380 * 86400, -800 * 86400, 400 * 86400] {
                machine.jump(by: offset)
                #expect(abs(time.clock.now.seconds - WallClock.system.now.seconds) <= 1)
                for _ in 0..<3 { try await look() }
                try time.check()
            }
            #expect(logs.text.split(separator: "\n").count { $0.contains("event=clock_off") } == 1)
            #expect(logs.text.split(separator: "\n").count { $0.contains("event=clock_right") } == 1)
        }
    }

    @Test func `while nobody can tell the time, nothing is changed or judged, and the next look can settle it`()
        async throws
    {
        try await withStore { store, _ in
            let session = try #require(try await store.putSessions(1).first)
            let keys = try await store.signingKeys()
            let turn = TurnSample(of: session).turn
            let moment = (DatabaseTime.steadySeconds(), WallClock.system.now)
            store.time.note(Double(store.clock.now.seconds + 20 * 86400), asked: moment, answered: moment)
            #expect(abs(store.clock.now.seconds - WallClock.system.now.seconds) <= 1)

            let now = store.clock.now + 60 * 86400
            let attempts: [@Sendable () async throws -> Void] = [
                { _ = try await store.rotate(turn, under: .init()) },
                { _ = try await store.session(session.id) },
                { _ = try await store.end(.one(session.id), SessionEnding(.revoked, at: now, origin: nil)) },
                { _ = try await store.deleteSessions(endedBefore: now, after: nil, limit: 10, at: now) },
                { _ = try await store.takeHousekeepingLease(at: now) },
                { _ = try await store.updateDataLossRecord { _ in [] } },
                { try await store.deleteSigningKey("k", Event(.keyRetired, at: now)) },
            ]
            for attempt in attempts {
                let error = await #expect(throws: StoreError.self) { try await attempt() }
                #expect(error?.description.contains("clock") == true)
            }
            _ = try await store.dataLossRecord()  // which looks
            #expect(try await store.session(session.id) == session)
            #expect(try await store.signingKeys().count == keys.count)
            #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
            try await store.ping()
        }
    }

    @Test(
        arguments: [
            // Database, machine, the last sign of life, by days; whether a server may start.
            (0, 0, nil, true), (0, 0, -30, true), (0, 20, nil, true), (0, 20, 0, true), (0, 400, -3, true),
            (0, -400, 0, true), (0, -400, -3, true), (20, 0, 0, false), (20, 0, -3, false), (-400, 0, -1, false),
        ] as [(Int64, Int64, Int64?, Bool)])
    func `at the start the time counts that fits what the database has seen`(
        database: Int64, machine: Int64, lastSign: Int64?, mayStart: Bool
    ) throws {
        func time(_ days: Int64) -> UnixTime { Sample.start + days * 86400 }
        func check() throws {
            try DatabaseTime.checkStart(
                database: time(database), machine: time(machine), lastSign: lastSign.map(time))
        }
        if mayStart {
            try check()
        } else {
            let error = #expect(throws: PostgresStoreError.self) { try check() }
            #expect(error?.description.contains("Set the clock that is wrong") == true)
        }
    }
}
