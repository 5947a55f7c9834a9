import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start

@Suite("Throttle", .tags(.p10))
struct ThrottleTests {
    private static func counter(_ failures: Int64, age: Int64 = 0, trustedFor: Int64? = nil) -> ThrottleCounter {
        ThrottleCounter(failures: failures, lastUse: start - age, trustedUntil: trustedFor.map { start + $0 })
    }

    private static func wait(network: ThrottleCounter?, identifier: ThrottleCounter?) -> Int64? {
        LoginThrottle.reserve(network: network, identifier: identifier, at: start).wait
    }

    @Test(
        arguments: [
            (0, nil), (4, nil), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 60), (12, 60), (1_000_000, 60),
        ] as [(Int64, Int64?)])
    func `a network's delay doubles from 1 s to 60 s`(failures: Int64, expected: Int64?) {
        #expect(Self.wait(network: Self.counter(failures), identifier: nil) == expected)
    }

    @Test(arguments: [(49, nil), (50, 1), (51, 2), (52, 4), (53, 5), (1_000_000, 5)] as [(Int64, Int64?)])
    func `an identifier's delay starts after 50 and ends at 5 s`(failures: Int64, expected: Int64?) {
        #expect(Self.wait(network: nil, identifier: Self.counter(failures)) == expected)
    }

    @Test(arguments: [(0, 60), (1, 59), (59, 1), (60, nil), (-300, 60), (-301, nil)] as [(Int64, Int64?)])
    func `a delay passes with time, and a clock that is behind or was set back does not lengthen it`(
        age: Int64, expected: Int64?
    ) {
        #expect(Self.wait(network: Self.counter(100, age: age), identifier: nil) == expected)
    }

    @Test(arguments: [(1, nil), (0, 5)] as [(Int64, Int64?)])
    func `a network that signed in is free of the identifier's delay for its time`(trustedFor: Int64, expected: Int64?)
    {
        let network = Self.counter(0, age: 100, trustedFor: trustedFor)
        #expect(Self.wait(network: network, identifier: Self.counter(1000)) == expected)
    }

    @Test func `a trusted network has its own delay all the same`() {
        #expect(Self.wait(network: Self.counter(5, trustedFor: 100), identifier: nil) == 1)
    }

    @Test(arguments: [(86400, 60), (86401, nil)] as [(Int64, Int64?)])
    func `failures are forgotten after a day without a try`(age: Int64, expected: Int64?) {
        // Far in the past no delay is left either way: what shows is whether the count starts anew.
        let reserved = LoginThrottle.reserve(network: Self.counter(100, age: age), identifier: nil, at: start)
        #expect(reserved.wait == nil)
        #expect(reserved.network.failures == (expected == nil ? 1 : 101))
    }

    @Test func `a success forgets, and trusts the network for thirty days`() {
        let settled = LoginThrottle.settle(
            network: Self.counter(3), identifier: Self.counter(70), .succeeded, at: start)
        #expect(settled.network == Self.counter(0, trustedFor: 30 * 86400))
        #expect(settled.identifier.failures == 0)
    }

    @Test func `a failure stays counted, an abandoned try does not`() {
        let failed = LoginThrottle.settle(
            network: Self.counter(3), identifier: Self.counter(4), .failed(Event(.loginFailed, at: start)), at: start)
        #expect(failed.network.failures == 3 && failed.identifier.failures == 4)
        let abandoned = LoginThrottle.settle(
            network: Self.counter(3), identifier: Self.counter(0), .abandoned, at: start)
        #expect(abandoned.network.failures == 2 && abandoned.identifier.failures == 0)
    }

    @Test(
        arguments: [
            (86400, nil, false), (86401, nil, true), (86401, 1, false), (86401, 0, true), (31 * 86400, -1, true),
        ] as [(Int64, Int64?, Bool)])
    func `a counter that says nothing any more is forgotten`(age: Int64, trustedFor: Int64?, isForgotten: Bool) {
        #expect(LoginThrottle.isForgotten(Self.counter(9, age: age, trustedFor: trustedFor), at: start) == isForgotten)
    }

    @Test func `under a hundred guesses an hour get through to one account from one network`() {
        // NIST SP 800-63B §3.2.2 allows a hundred in a row.
        var (network, identifier): (ThrottleCounter?, ThrottleCounter?) = (nil, nil)
        var tries = 0
        for second in 0..<3600 {
            let reserved = LoginThrottle.reserve(network: network, identifier: identifier, at: start + Int64(second))
            guard reserved.wait == nil else { continue }
            (network, identifier) = (reserved.network, reserved.identifier)
            tries += 1
        }
        #expect(tries < 75)
    }

    @Test(
        arguments: [
            ("192.0.2.7", "192.0.2.200", true), ("192.0.2.7", "192.0.3.7", false),
            ("2001:db8::1", "2001:db8::ffff:1", true), ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:192.0.2.7", "192.0.2.9", true), ("unix", "unix", true), ("unix", "other", false),
        ])
    func `counts by network: /24 and /64`(one: String, other: String, isSame: Bool) throws {
        let keys = try [one, other].map { try Sample.throttleKeys("ana", $0) }
        #expect((keys[0].network == keys[1].network) == isSame)
        #expect(keys[0].identifier == keys[1].identifier)
    }

    @Test(.tags(.p3)) func `keeps nothing that tells what was typed`() throws {
        let identifier = try Identifier("ana").orThrow()
        let one = ThrottleKeys(identifier: identifier, address: "192.0.2.7", secrets: try Server.secrets(1))
        let two = ThrottleKeys(identifier: identifier, address: "192.0.2.7", secrets: try Server.secrets(2))
        #expect(one.identifier != two.identifier && one.network != two.network && one.network != one.identifier)
        #expect(one.identifier.count == 16 && one.network.count == 16)
    }
}

@Suite("IP networks", .tags(.p12))
struct IPNetworkTests {
    @Test(
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false), ("10.1.2.3/31", "10.1.2.2", true), ("10.1.2.3/0", "200.1.1.1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::1", false), ("::/0", "10.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/33", "2001:db8:8000::", false),
            ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false), ("::1", "::1", true),
            ("10.0.0.0/8", "10.0.0.1 ", false), ("10.0.0.0/8", "", false), ("10.0.0.0/8", "010.0.0.1", false),
        ])
    func `hold the addresses with their prefix`(network: String, address: String, isInside: Bool) throws {
        #expect(try IPNetwork(network).orThrow().contains(address) == isInside)
    }

    @Test(
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8", "::/129", "localhost", "*",
            "10.0.0.0/8 ", "10.0.0.0/x",
        ])
    func `that are none are refused`(text: String) { #expect(IPNetwork(text) == nil) }

    @Test(arguments: [
        ("10.0.0.1", true), ("::1", true), ("10.0.0.1:80", false), ("[::1]", false), ("", false),
        ("fe80::1%eth0", false),
    ])
    func `know an address when they see one`(text: String, isAddress: Bool) {
        #expect(IPNetwork.isAddress(text) == isAddress)
    }
}
