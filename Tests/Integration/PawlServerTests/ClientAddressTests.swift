import HTTPTypes
import PawlAPI
import PawlCore
import PawlTesting
import Testing

@testable import PawlServer

@Suite("The client's address behind proxies", .timeLimit(.minutes(5)))
struct ClientAddressTests {
    private static let proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8:ff::/48"].compactMap { IPNetwork($0) }

    private func read(
        _ fields: [(String, String)], peer: String? = "127.0.0.1"
    ) throws -> ClientAddress {
        var headers = HTTPFields()
        for (name, value) in fields { headers.append(HTTPField(name: try #require(.init(name)), value: value)) }
        return ClientAddress(peer: peer, headers: headers, trusted: Self.proxies)
    }

    // FAULTS C1
    @Test(arguments: [
        ("203.0.113.7", "203.0.113.7"), ("203.0.113.7:51234", "203.0.113.7"), ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"), ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:0DB8:0::0007", "2001:db8::7"), ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"), ("::ffff:cb00:7107", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"), ("[fe80::1%eth0]:80", "fe80::1"), ("203.0.113.7:_hidden", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"), (" 198.51.100.1 ,\t203.0.113.7\t, 10.1.2.3 ", "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3:80, [2001:db8:ff::1]:443", "203.0.113.7"), ("203.0.113.7,", "203.0.113.7"),
        ("nonsense, 203.0.113.7", "203.0.113.7"),
    ])
    func `A trusted proxy's X-Forwarded-For is read with and without ports, brackets and zones`(
        _ text: String, address: String
    ) throws {
        let result = try read([("X-Forwarded-For", text)])
        #expect(result.text == address && result.fault == nil)
    }

    // FAULTS C1
    @Test(arguments: [
        ("for=203.0.113.7", "203.0.113.7"), ("For=203.0.113.7;proto=https;by=10.0.0.1", "203.0.113.7"),
        ("by=10.0.0.1;for=203.0.113.7", "203.0.113.7"), (#"for="203.0.113.7:51234""#, "203.0.113.7"),
        (#"for="[2001:db8::7]""#, "2001:db8::7"), (#"FOR="[2001:db8::7]:443""#, "2001:db8::7"),
        (#"for="[2001:db8::7]:_port""#, "2001:db8::7"), (#"for="203.0.113\.7""#, "203.0.113.7"),
        ("for=198.51.100.1, for=203.0.113.7", "203.0.113.7"), ("for=203.0.113.7, for=10.1.2.3", "203.0.113.7"),
        ("for=203.0.113.7 ; proto=https , , for=10.1.2.3", "203.0.113.7"),
        (#"for=_hidden, for=unknown, host="a,b;c=\"";for=203.0.113.7"#, "203.0.113.7"),
        (#"for="[::ffff:203.0.113.7]""#, "203.0.113.7"), ("for=203.0.113.7;", "203.0.113.7"),
    ])
    func `A trusted proxy's Forwarded is read as RFC 7239 writes it`(_ text: String, address: String) throws {
        let result = try read([("Forwarded", text)])
        #expect(result.text == address && result.fault == nil)
    }

    // FAULTS C1
    @Test(arguments: [
        ("X-Forwarded-For", "unknown"), ("X-Forwarded-For", "unix:"), ("X-Forwarded-For", "203.0.113.7 10.0.0.1"),
        ("X-Forwarded-For", "203.0.113.7, _hidden"), ("X-Forwarded-For", "203.0.113.256"),
        ("X-Forwarded-For", "203.0.113.7:"), ("X-Forwarded-For", "203.0.113.7:123456"),
        ("X-Forwarded-For", "[203.0.113.7]"), ("X-Forwarded-For", "[2001:db8::7"),
        ("X-Forwarded-For", "[2001:db8::7]x"), ("X-Forwarded-For", #""203.0.113.7""#),
        ("X-Forwarded-For", "2001:db8::7:99999"), ("X-Forwarded-For", "203.0.113.7%eth0"),
        ("Forwarded", "for=unknown"), ("Forwarded", "for=_hidden"), ("Forwarded", "proto=https"),
        ("Forwarded", "203.0.113.7"), ("Forwarded", "for=203.0.113.7:80"), ("Forwarded", "for=[2001:db8::7]"),
        ("Forwarded", #"for="2001:db8::7""#), ("Forwarded", #"for="[fe80::1%eth0]""#),
        ("Forwarded", "for=203.0.113.7;for=198.51.100.1"), ("Forwarded", #"for="203.0.113.7"#),
        ("Forwarded", "for = 203.0.113.7"), ("Forwarded", "for=203.0.113.7 proto=https"), ("Forwarded", "for="),
        ("Forwarded", #"for="203.0.113.7\"#),
    ])
    func `If a trusted proxy names no readable address, the proxy's own address counts and the fault is reported`(
        _ field: String, _ text: String
    ) throws {
        let result = try read([(field, text)])
        #expect(result.text == "127.0.0.1" && result.fault == .unreadable)
    }

    // FAULTS C1
    @Test
    func `Several fields of the same name are one list, and a malformed one hides only the ones before it`() throws {
        let two = try read([("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "10.1.2.3")])
        #expect(two.text == "203.0.113.7" && two.fault == nil)
        let good = try read([("Forwarded", #"for=""#), ("Forwarded", "for=203.0.113.7")])
        #expect(good.text == "203.0.113.7" && good.fault == nil)
        let bad = try read([("Forwarded", #"for=""#), ("Forwarded", "for=10.1.2.3")])
        #expect(bad.text == "10.1.2.3" && bad.fault == .unreadable)
    }

    // FAULTS C1
    @Test(arguments: [
        ("X-Forwarded-For", "\u{0600}, 203.0.113.7"), ("X-Forwarded-For", "\", 203.0.113.7"),
        ("Forwarded", #"for="x, for=203.0.113.7"#), ("Forwarded", "a b, for=203.0.113.7"),
        ("Forwarded", "for=1.1.1.1;\u{0600}, for=203.0.113.7"), ("Forwarded", #"x=", for=203.0.113.7"#),
        ("Forwarded", #"for="x\", for="203.0.113.7";proto=https"#),
        ("Forwarded", #"for=203.0.113.7;by="a, b""#),
    ])
    func `Whatever a client wrote before, the address that the proxy added is read`(_ field: String, _ text: String)
        throws
    {
        let result = try read([(field, text)])
        #expect(result.text == "203.0.113.7" && result.fault == nil)
    }

    // FAULTS C1
    @Test
    func `If X-Forwarded-For and Forwarded name different clients, neither is believed`() throws {
        let forwardedFor = ("X-Forwarded-For", "203.0.113.7")
        let same = try read([forwardedFor, ("Forwarded", #"for="203.0.113.7:1";proto=https"#)])
        #expect(same.text == "203.0.113.7" && same.fault == nil)
        for other in ["for=198.51.100.1", "for=unknown", "nonsense"] {
            let result = try read([forwardedFor, ("Forwarded", other)])
            #expect(result.text == "127.0.0.1" && result.fault == .contradiction)
        }
    }

    // FAULTS C1
    @Test
    func `Peers that are not trusted are not believed, and an IPv4-mapped IPv6 address is stored as IPv4`() throws {
        let forged = [("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.7")]
        #expect(try read(forged, peer: "192.0.2.1").text == "192.0.2.1")
        #expect(try read(forged, peer: "2001:db8::1").text == "2001:db8::1")
        #expect(try read(forged, peer: "::ffff:192.0.2.1").text == "192.0.2.1")
        #expect(try read(forged, peer: "::ffff:127.0.0.1").text == "203.0.113.7")
        #expect(try read([], peer: "127.0.0.1").text == "127.0.0.1")
        #expect(try read(forged, peer: nil).text == "")
        #expect(try read(forged, peer: "192.0.2.1").fault == nil)
    }

    // FAULTS C1
    @Test
    func `Whatever the fields say, the result is an address in its one spelling`() throws {
        var random = SplitMix64(seed: 1)
        let alphabet = Array(#"for=";,:[].%_\ 0123456789abcdefFOR"#)
        let starts = ["", "for=", #"for="["#, "203.0.113.7", "[2001:db8::7]", "::ffff:"]
        for _ in 0..<10_000 {
            let start = starts[Int.random(in: 0..<starts.count, using: &random)]
            let text =
                start + String((0..<12).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            for field in ["X-Forwarded-For", "Forwarded"] {
                let result = try read([(field, text)])
                #expect(IPNetwork.canonical(result.text) == result.text, "\(field): \(text)")
            }
        }
    }

    // FAULTS C1
    @Test
    func `Behind a proxy a session has the client's address, and an unreadable field is logged once, not per request`()
        async throws
    {
        var options = LiveServer.Options()
        options.configure = { $0.trustedProxies = Self.proxies }
        try await LiveServer.run(options) { server in
            _ = try await server.register("alice")
            for headers in [["X-Forwarded-For": "203.0.113.7:51234"], ["Forwarded": #"for="203.0.113.7:51234""#]] {
                let tokens = try await server.login("alice", headers: headers).tokens
                let session = try await server.get(PawlPath.session, tokens).decode(SessionDescription.self)
                #expect(session.ip == "203.0.113.7")
            }
            func lines() -> Int { server.logs.entries.count { $0.contains("event=client_address_unknown") } }
            #expect(lines() == 0)
            for _ in 0..<3 {
                #expect(try await server.login("alice", headers: ["X-Forwarded-For": "unix:"]).status == 200)
            }
            #expect(lines() == 1)
        }
    }
}
