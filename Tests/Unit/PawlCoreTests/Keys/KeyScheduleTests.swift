import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start
private let day: Int64 = 86400

/// Keys of the 90-day schedule with access tokens of 15 minutes: published 600 s ahead, kept for 960 s.
@Suite("Schedule of signing keys", .tags(.p2))
struct KeyScheduleTests {
    private static let schedule = KeySchedule(accessLifetime: 900)

    private static func key(_ id: String, activatesAt: UnixTime, algorithm: String = "ES256") -> SealedSigningKey {
        SealedSigningKey(id: id, algorithm: algorithm, seal: [], createdAt: start, activatesAt: activatesAt)
    }

    @Test func `the first key signs at once`() {
        #expect(Self.schedule.plan(for: [], at: start) == .init(activateNew: start))
    }

    @Test(
        arguments: [
            (0, nil), (90 * day - 601, nil), (90 * day - 600, 90 * day), (90 * day, 90 * day + 600),
            (200 * day, 200 * day + 600),
        ] as [(Int64, Int64?)])
    func `the next is published before it signs`(age: Int64, activatesAt: Int64?) {
        let plan = Self.schedule.plan(for: [Self.key("a", activatesAt: start)], at: start + age)
        #expect(plan == .init(activateNew: activatesAt.map { start + $0 }))
    }

    @Test func `no second one is made while the next waits`() {
        let keys = [Self.key("a", activatesAt: start), Self.key("b", activatesAt: start + 90 * day)]
        for age in [90 * day - 599, 90 * day - 1, 90 * day] {
            #expect(Self.schedule.plan(for: keys, at: start + age).activateNew == nil)
        }
    }

    @Test(arguments: [(0, []), (959, []), (960, ["a"]), (10 * day, ["a"])] as [(Int64, [String])])
    func `an old one is kept for as long as a token of it can live`(age: Int64, expired: [String]) {
        let keys = [Self.key("b", activatesAt: start), Self.key("a", activatesAt: start - 90 * day)]
        #expect(Self.schedule.plan(for: keys, at: start + age) == .init(expired: expired))
    }

    @Test func `a changed algorithm is published first, too`() {
        let schedule = KeySchedule(algorithm: .edDSA, accessLifetime: 900)
        let old = Self.key("a", activatesAt: start)
        #expect(schedule.plan(for: [old], at: start + day) == .init(activateNew: start + day + 600))
        let new = Self.key("b", activatesAt: start + day + 600, algorithm: "EdDSA")
        #expect(schedule.plan(for: [old, new], at: start + day + 60) == .init())
        #expect(schedule.plan(for: [old, new], at: start + day + 600 + 960) == .init(expired: ["a"]))
    }

    // FAULTS D0
    @Test func `a key that a clock 400 days ahead has made holds nothing up and pushes nothing out`() {
        let (key, stray) = (Self.key("a", activatesAt: start), Self.key("b", activatesAt: start + 400 * day))
        #expect(Self.schedule.plan(for: [key, stray], at: start + 10 * day) == .init())
        #expect(
            Self.schedule.plan(for: [key, stray], at: start + 90 * day - 600) == .init(activateNew: start + 90 * day))
        #expect(Self.schedule.plan(for: [stray], at: start) == .init(activateNew: start + 600))
    }

    @Test func `a period is an hour at least`() {
        #expect(KeySchedule(period: 1, accessLifetime: 900).period == 3600)
    }
}
