import PawlTesting
import Testing

@testable import PawlCore

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
    func `IP networks hold the addresses with their prefix`(network: String, address: String, isInside: Bool) throws {
        #expect(try IPNetwork(network).orThrow().contains(address) == isInside)
    }

    @Test(
        arguments: [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8", "::/129", "localhost", "*",
            "10.0.0.0/8 ", "10.0.0.0/x",
        ])
    func `what is no IP network is refused`(text: String) { #expect(IPNetwork(text) == nil) }

    @Test(arguments: [
        ("10.0.0.1", true), ("::1", true), ("10.0.0.1:80", false), ("[::1]", false), ("", false),
        ("fe80::1%eth0", false),
    ])
    func `know an address when they see one`(text: String, isAddress: Bool) {
        #expect(IPNetwork.isAddress(text) == isAddress)
    }
}
