import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start
private let rule = LoginThrottle()

@Suite("Throttle", .tags(.p10))
struct ThrottleTests {
    private static func counter(
        _ failures: Int64, age: Int64 = 0, underWay: Int64 = 0, since: Int64 = 0
    ) -> ThrottleCounter {
        ThrottleCounter(
            failures: failures, lastUse: start - age, underWay: underWay, underWaySince: start - since)
    }

    /// What a try is told whose counters are these; the ones that are not given count nothing.
    private static func admission(
        pair: ThrottleCounter = counter(0), identifier: ThrottleCounter = counter(0),
        network: ThrottleCounter = counter(0), under rule: LoginThrottle = rule
    ) -> LoginAdmission {
        var counters: ThrottleCounters = [.pair: pair, .identifier: identifier, .network: network]
        return rule.reserve(&counters, at: start)
    }

    private static func wait(_ seconds: Int64?) -> LoginAdmission { seconds.map { .wait($0) } ?? .granted }

    /// Tries once, and if that is let through, fails.
    private static func fail(_ counters: inout ThrottleCounters, at now: UnixTime) -> LoginAdmission {
        for scope in [ThrottleScope.pair, .identifier, .network] where counters[scope] == nil {
            counters[scope] = ThrottleCounter(lastUse: now)
        }
        let admission = rule.reserve(&counters, at: now)
        if admission == .granted { rule.settle(&counters, .failed(Event(.loginFailed, at: now)), at: now) }
        return admission
    }

    @Test(
        arguments: [
            (0, nil), (4, nil), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 60), (12, 60), (1_000_000, 60),
        ] as [(Int64, Int64?)])
    func `five failures of an identifier from one network are free, then its delay doubles from 1 s to 60 s`(
        failures: Int64, expected: Int64?
    ) {
        #expect(Self.admission(pair: Self.counter(failures)) == Self.wait(expected))
    }

    // FAULTS A3, A5: the same for each network, no matter who signed in from it.
    @Test(
        arguments: [
            (0, nil), (1, 1), (2, 2), (3, 4), (10, 512), (11, 900), (12, 900), (1_000_000, 900),
        ] as [(Int64, Int64?)])
    func `after fifty failures from anywhere a network's first is free, then its delay doubles to fifteen minutes`(
        failures: Int64, expected: Int64?
    ) {
        #expect(
            Self.admission(pair: Self.counter(failures), identifier: Self.counter(50)) == Self.wait(expected))
    }

    @Test(arguments: [
        (49, 0, true), (50, 0, false), (50, 1799, false), (50, 1800, true), (72, 41399, false), (72, 41400, true),
    ])
    func `an identifier is attacked from fifty failures on, of which it forgets one each half hour`(
        failures: Int64, age: Int64, isCalm: Bool
    ) {
        let identifier = Self.counter(failures, age: age)
        // Calm, a network's second failure costs nothing.
        #expect((Self.admission(pair: Self.counter(1), identifier: identifier) == .granted) == isCalm)
    }

    // FAULTS F2
    @Test(
        arguments: [
            (99, 0, 100, nil), (100, 0, 100, 36), (100, 35, 100, 1), (100, 36, 100, nil), (1_000_000, 0, 100, 36),
            (1000, 0, 1000, 3), (1_000_000, 0, 0, nil),
        ] as [(Int64, Int64, Int64, Int64?)])
    func `all failures of a network together are bounded by its number an hour, and 0 is no bound`(
        failures: Int64, age: Int64, bound: Int64, expected: Int64?
    ) {
        let admission = Self.admission(
            network: Self.counter(failures, age: age), under: LoginThrottle(networkFailures: bound))
        #expect(admission == Self.wait(expected))
    }

    @Test(arguments: [(0, 60), (1, 59), (59, 1), (60, nil), (-300, 60), (-301, nil)] as [(Int64, Int64?)])
    func `a delay passes with time, and a clock that is behind or was set back does not lengthen it`(
        age: Int64, expected: Int64?
    ) {
        let asked = Self.counter(20, age: age)
        #expect(Self.admission(pair: asked) == Self.wait(expected))
    }

    // FAULTS A1
    @Test(
        arguments: [
            (0, 4, .granted), (0, 5, .busy), (4, 0, .granted), (4, 1, .busy), (3, 1, .granted), (3, 2, .busy),
        ] as [(Int64, Int64, LoginAdmission)])
    func `as many tries may be under way as could all fail without a delay, and more are told busy, not throttled`(
        failures: Int64, underWay: Int64, expected: LoginAdmission
    ) {
        #expect(Self.admission(pair: Self.counter(failures, underWay: underWay)) == expected)
        let network = Self.counter(95 + failures, underWay: underWay)
        #expect(Self.admission(network: network) == expected)
    }

    @Test(
        arguments: [(0, .busy), (10, .busy), (11, .granted), (-300, .busy), (-301, .granted)]
            as [(
                Int64, LoginAdmission
            )])
    func `tries of a process that died are given up after ten seconds`(since: Int64, expected: LoginAdmission) {
        #expect(Self.admission(pair: Self.counter(0, underWay: 5, since: since)) == expected)
    }

    @Test func `a try that goes on while others do does not prolong the life of those whose process died`() {
        var counters: ThrottleCounters = [.pair: Self.counter(0, underWay: 4)]
        for second in stride(from: Int64(0), through: 10, by: 1) {
            #expect(rule.reserve(&counters, at: start + second) == .granted)
            rule.settle(&counters, .released, at: start + second)
        }
        #expect(counters[.pair]?.underWay == 4)
        #expect(rule.reserve(&counters, at: start + 11) == .granted)
        #expect(counters[.pair]?.underWay == 1)
    }

    // FAULTS A1
    @Test func `tries at once never get further than the same tries one after another`() {
        var counters: ThrottleCounters = [:]
        var (tries, waiting) = (0, 0)
        for _ in 0..<20 {
            for scope in [ThrottleScope.pair, .identifier, .network] where counters[scope] == nil {
                counters[scope] = ThrottleCounter(lastUse: start)
            }
            // All that are let in are under way together; then all fail.
            while waiting < 1000, rule.reserve(&counters, at: start) == .granted { waiting += 1 }
            tries += waiting
            for _ in 0..<waiting { rule.settle(&counters, .failed(Event(.loginFailed, at: start)), at: start) }
            waiting = 0
        }
        #expect(tries == 5)
    }

    // FAULTS A4, A5: a success would tell a stranger in the same network that the user has signed in.
    @Test func `what did not fail gives its place back, and forgives nothing`() {
        var counters: ThrottleCounters = [
            .pair: Self.counter(4), .identifier: Self.counter(70), .network: Self.counter(80),
        ]
        let before = counters
        #expect(rule.reserve(&counters, at: start) == .wait(8))
        #expect(counters == before, "who has to wait changes nothing")
        #expect(rule.reserve(&counters, at: start + 8) == .granted)
        #expect(counters[.pair]?.underWay == 1 && counters[.network]?.underWay == 1)
        rule.settle(&counters, .released, at: start + 9)
        #expect(counters.mapValues(\.failures) == before.mapValues(\.failures))
        #expect(counters.values.allSatisfy { $0.underWay == 0 && $0.lastUse == start })
    }

    @Test func `a failure counts under each key from the time that it was known`() {
        var counters: ThrottleCounters = [
            .pair: Self.counter(3), .identifier: Self.counter(4), .network: Self.counter(7),
        ]
        #expect(rule.reserve(&counters, at: start) == .granted)
        rule.settle(&counters, .failed(Event(.loginFailed, at: start + 2)), at: start + 2)
        #expect(counters.mapValues(\.failures) == [.pair: 4, .identifier: 5, .network: 8])
        #expect(counters.values.allSatisfy { $0.underWay == 0 && $0.lastUse == start + 2 })
    }

    @Test(arguments: [(3599, 21), (3600, 20), (7200, 19), (24 * 3600, 1)])
    func `one failure of an identifier from one network is forgotten with each hour`(age: Int64, expected: Int64) {
        var counters: ThrottleCounters = [.pair: Self.counter(20, age: age)]
        #expect(rule.reserve(&counters, at: start) == .granted)
        rule.settle(&counters, .failed(Event(.loginFailed, at: start)), at: start)
        #expect(counters[.pair]?.failures == expected)
    }

    @Test func `a long attack is forgotten within a day`() {
        var counters: ThrottleCounters = [:]
        for number in 0..<1000 { #expect(Self.fail(&counters, at: start + Int64(number) * 900) == .granted) }
        let end = start + 999 * 900
        #expect(counters[.identifier]?.failures == 72)
        #expect(counters[.pair]?.failures == 24)
        for _ in 1...5 { #expect(Self.fail(&counters, at: end + 86400) == .granted) }
    }

    // FAULTS A4
    @Test func `each registration counts, unless the server was too busy to look at it`() {
        var counters: ThrottleCounters = [.registrations: Self.counter(98)]
        #expect(rule.reserve(&counters, at: start) == .granted)
        #expect(rule.reserve(&counters, at: start) == .granted)
        #expect(rule.reserve(&counters, at: start) == .wait(36))
        rule.settle(&counters, .released, at: start)
        #expect(rule.reserve(&counters, at: start) == .granted)
        #expect(counters[.registrations] == Self.counter(100))
    }

    @Test(arguments: [(2 * 86400, false), (2 * 86400 + 1, true)])
    func `a counter is deleted when it says nothing any more`(age: Int64, isForgotten: Bool) {
        #expect(LoginThrottle.isForgotten(Self.counter(72, age: age), at: start) == isForgotten)
    }

    @Test func `one network gets some fifty guesses at one account in an hour and 150 in a day`() {
        // NIST SP 800-63B §3.2.2 allows a hundred in a row.
        var counters: ThrottleCounters = [:]
        var tries: [Int] = []
        for second in 0..<86400 where Self.fail(&counters, at: start + Int64(second)) == .granted {
            tries.append(second)
        }
        #expect(tries.count { $0 < 3600 } < 60)
        #expect(tries.count < 150)
    }

    @Test(
        arguments: [
            ("192.0.2.7", "192.0.2.200", true), ("192.0.2.7", "192.0.3.7", false),
            ("2001:db8::1", "2001:db8::ffff:1", true), ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:192.0.2.7", "192.0.2.9", true), ("unix", "unix", true), ("unix", "other", false),
        ])
    func `the throttle counts by network: 24 bits of IPv4 and 64 of IPv6`(one: String, other: String, isSame: Bool)
        throws
    {
        let keys = try [one, other].map { try Sample.throttleKeys("ana", $0).keys }
        #expect((keys[0][.pair] == keys[1][.pair]) == isSame)
        #expect(keys[0][.identifier] == keys[1][.identifier])
    }

    // FAULTS F2
    @Test(
        arguments: [
            ("192.0.2.7", "192.0.2.200", true), ("192.0.2.7", "192.0.3.7", false),
            ("2001:db8:1:1::1", "2001:db8:1:2::1", true), ("2001:db8:1::1", "2001:db8:2::1", false),
        ])
    func `bounds all identifiers together by site: /24 and /48`(one: String, other: String, isSame: Bool) throws {
        let keys = [try Sample.throttleKeys("ana", one), try Sample.throttleKeys("bob", other)].map(\.keys)
        #expect((keys[0][.network] == keys[1][.network]) == isSame)
        #expect(keys[0][.pair] != keys[1][.pair] && keys[0][.identifier] != keys[1][.identifier])
        let registrations = [try Sample.registrationKeys(one), try Sample.registrationKeys(other)].map(\.keys)
        #expect((registrations[0] == registrations[1]) == isSame)
        #expect(registrations[0][.registrations] != keys[0][.network])
    }

    @Test(.tags(.p3)) func `the throttle keeps nothing that tells what was typed`() throws {
        let identifier = try Identifier("ana").orThrow()
        let keys = try [1, 2].map { number in
            ThrottleKeys(identifier: identifier, address: "192.0.2.7", secrets: try Server.secrets(number)).keys
        }
        let all = keys.flatMap(\.values)
        #expect(all.count == 6 && Set(all).count == 6, "each scope and each master secret has keys of its own")
        #expect(all.allSatisfy { $0.count == 16 })
    }
}
