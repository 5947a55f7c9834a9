import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start
private let horizon = Sample.start - 100_000

@Suite("The record of lost writes", .tags(.p11))
struct RecoveryRecordTests {
    private static func beating(_ times: Int64...) -> DataLossRecord {
        var record = DataLossRecord()
        for time in times { record.beat(at: start + time, last: record.heartbeat, horizon: horizon) }
        return record
    }

    @Test func `a server that lives on leaves no gap`() {
        let record = Self.beating(0, 60, 120)
        #expect(record.gaps.isEmpty && record.heartbeat == start + 120)
    }

    @Test func `a start leaves the span since the last sign of life, and a little before it`() {
        var record = Self.beating(0, 60)
        record.beat(at: start + 90, last: nil, horizon: horizon)
        #expect(record.gaps == [start + 55...start + 90])
        #expect(record.heartbeat == start + 90)
        #expect(Self.beating(0).gaps.isEmpty, "a new database has lost nothing")
    }

    @Test func `a database that goes back under a running server is noticed`() {
        let backup = Self.beating(0, 60)
        var record = backup
        record.beat(at: start + 180, last: start + 120, horizon: horizon)
        #expect(record.gaps == [start + 55...start + 180])
    }

    @Test func `two nodes whose clocks differ a little see no gap in each other`() {
        var record = Self.beating(0, 60)
        record.beat(at: start + 58, last: start + 60, horizon: horizon)
        #expect(record.heartbeat == start + 60)
        record.beat(at: start + 120, last: start + 60, horizon: horizon)
        #expect(record.gaps.isEmpty)
    }

    @Test func `a clock that was a day ahead is not believed for ever`() {
        var record = Self.beating(0, 86400)
        record.beat(at: start + 60, last: start + 86400, horizon: horizon)
        #expect(record.heartbeat == start + 60 && record.gaps.isEmpty)
        record = Self.beating(0, 86400)
        record.beat(at: start + 60, last: nil, horizon: horizon)
        #expect(record.gaps == [start + 55...start + 120], "nothing of the time to come is lost")
    }

    @Test func `many restarts do not push out the long gap`() throws {
        var record = Self.beating(0)
        record.beat(at: start + 80_000, last: nil, horizon: horizon)
        for number in 1...100 { record.beat(at: start + 80_000 + Int64(number), last: nil, horizon: horizon) }
        #expect(record.gaps.count == DataLossRecord.gapLimit)
        let noted = record.noteDivergence(issuedAt: start + 500, at: start + 80_200)
        #expect(try noted.orThrow().lost == start - 5...start + 80_000)
    }

    @Test func `one loss is one incident, whatever token shows it`() throws {
        var record = Self.beating(0, 60)
        record.beat(at: start + 1000, last: nil, horizon: horizon)
        let first = record.noteDivergence(issuedAt: start + 500, at: start + 1010)
        #expect(first == Incident(number: 1, detectedAt: start + 1010, lost: start + 55...start + 1000))
        let again = record.noteDivergence(issuedAt: start + 60, at: start + 1020)
        #expect(again == nil)
        // A later loss has an interval of its own, and a decision of its own.
        record.beat(at: start + 5000, last: nil, horizon: horizon)
        let second = record.noteDivergence(issuedAt: start + 3000, at: start + 5010)
        #expect(try second.orThrow().number == 2 && second.orThrow().lost == start + 995...start + 5000)
        _ = record.open(1, lostFrom: nil, lostUntil: nil, at: start + 5020)
        #expect(record.incidents.map { $0.state(at: start + 5030) } == [.open(since: start + 5020), .undecided])
    }

    // FAULTS B8
    @Test func `a loss that no gap explains is no longer than what lies between two signs of life`() throws {
        var record = Self.beating(0, 60, 120)
        let first = record.noteDivergence(issuedAt: start + 90, at: start + 150)
        #expect(try first.orThrow().lost == start - 30...start + 150, "and nothing that comes after it")
        #expect(record.noteDivergence(issuedAt: start + 30, at: start + 160) == nil, "of the same loss")
    }

    // FAULTS B8
    @Test func `tokens of all times, from a leaked master secret, make one short incident at a time`() throws {
        var record = Self.beating(0)
        for day: Int64 in 0...13 { _ = record.noteDivergence(issuedAt: start - day * 86400, at: start) }
        #expect(record.incidents.map(\.lost) == [start - 120...start])
        record.close(nil, at: start + 120)
        let second = record.noteDivergence(issuedAt: start - 86400, at: start + 130)
        #expect(try second.orThrow().lost == start - 86400 - 120...start - 86400 + 120)
        // What a gap explains is noted meanwhile.
        record.beat(at: start + 5000, last: nil, horizon: horizon)
        #expect(record.noteDivergence(issuedAt: start + 2000, at: start + 5000)?.number == 3)
    }

    @Test func `opening twice is one window, closing ends it, opening again is another`() {
        var record = DataLossRecord()
        func open(_ number: Int?, _ from: UnixTime?, _ until: UnixTime?, at now: UnixTime) -> Bool {
            record.open(number, lostFrom: from, lostUntil: until, at: now)
        }
        #expect(!open(nil, start, nil, at: start + 10), "nothing to open")
        #expect(open(nil, start, start + 5, at: start + 10))
        #expect(open(nil, start + 1, nil, at: start + 20))
        #expect(record.incidents.map(\.openedAt) == [start + 10] && record.incidents[0].lost == start + 1...start + 5)
        #expect(!open(nil, start + 6, nil, at: start + 20), "upside down")
        #expect(!open(7, nil, nil, at: start + 20), "there is no such incident")
        record.close(1, at: start + 30)
        #expect(record.incidents[0].state(at: start + 30) == .closed)
        record.close(1, at: start + 40)
        #expect(record.incidents[0].closedAt == start + 30)
        #expect(open(1, nil, nil, at: start + 50))
        #expect(record.incidents[0].state(at: start + 50) == .open(since: start + 50))
    }

    @Test func `what no token can be of any more is forgotten`() {
        var record = Self.beating(0)
        record.beat(at: start + 1000, last: nil, horizon: horizon)
        _ = record.noteDivergence(issuedAt: start + 500, at: start + 1010)
        record.keepHouse(at: start + 90_000, elapsed: 90_000)
        record.beat(at: start + 90_000, last: record.heartbeat, horizon: start + 1000)
        #expect(record.gaps.count == 1 && record.incidents.count == 1)
        record.beat(at: start + 90_001, last: record.heartbeat, horizon: start + 1001)
        #expect(record.gaps.isEmpty && record.incidents.isEmpty)
    }
}
