import HTTPTypes
import PawlTesting
import Testing

@testable import PawlServer

@Suite("Whose pages may use the server", .timeLimit(.minutes(5)))
struct OriginPolicyTests {
    @Test(
        arguments: [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.COM", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:443", "http://localhost:443"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("null", nil), ("*", nil), ("", nil), ("https://", nil), ("app.example.com", nil),
            ("https://app.example.com/", nil), ("https://app.example.com/path", nil), ("https://*.example.com", nil),
            ("https://user@example.com", nil), ("https://example.com?x", nil), ("https://example.com:0", nil),
            ("https://example.com:65536", nil), ("https://bücher.example", nil), (" https://example.com", nil),
            ("https://example.com\n", nil), ("https://a.example,https://b.example", nil), ("file://", nil),
        ] as [(String, String?)])
    func `An origin is scheme, host and port, in one spelling`(_ text: String, _ canonical: String?) {
        #expect(WebOrigin(text)?.description == canonical)
    }

    @Test(arguments: [
        ("https://app.example.com", true), ("http://localhost:3000", true), ("http://app.localhost", true),
        ("http://127.0.0.1:3000", true), ("http://[::1]", true), ("capacitor://localhost", true),
        ("http://app.example.com", false), ("http://localhost.example.com", false),
        ("http://127.evil.example", false), ("http://10.0.0.1", false),
    ])
    func `Over http only this machine is trustworthy`(_ text: String, _ expected: Bool) throws {
        #expect(try #require(WebOrigin(text)).isTrustworthy == expected)
    }

    private static let own = WebOrigin("https://auth.example.com")!
    private static let app = WebOrigin("https://app.example.com")!
    private static let native = WebOrigin("capacitor://localhost")!
    private static let policy = OriginPolicy(own: own, origins: [app], nativeOrigins: [native])

    /// `Origin`, `Sec-Fetch-Site` and what they make of a request.
    private static let table: [(String?, String?, OriginPolicy.Sender)] = [
        (nil, nil, .program),
        (nil, "same-origin", .page(own)),
        (nil, "same-site", .stranger),
        (nil, "cross-site", .stranger),
        (nil, "none", .stranger),
        (nil, "brand-new", .stranger),
        ("https://auth.example.com", nil, .page(own)),
        ("https://auth.example.com", "same-origin", .page(own)),
        ("https://auth.example.com", "same-site", .stranger),
        ("https://auth.example.com", "cross-site", .stranger),
        ("https://auth.example.com", "none", .stranger),
        ("https://auth.example.com", "brand-new", .stranger),
        ("https://auth.example.com", "same-origin, cross-site", .stranger),
        ("https://app.example.com", nil, .page(app)),
        ("https://app.example.com", "same-origin", .page(app)),
        ("https://app.example.com", "same-site", .page(app)),
        ("https://app.example.com", "cross-site", .page(app)),
        ("https://app.example.com", "none", .stranger),
        ("https://app.example.com", "brand-new", .stranger),
        ("capacitor://localhost", nil, .nativePage(native)),
        ("capacitor://localhost", "cross-site", .nativePage(native)),
        ("https://evil.example.com", nil, .stranger),
        ("https://evil.example.com", "same-origin", .stranger),
        ("https://evil.example.com", "same-site", .stranger),
        ("null", "same-origin", .stranger),
        ("null", nil, .stranger),
        ("", nil, .stranger),
        ("", "same-origin", .stranger),
        ("http://auth.example.com", "same-origin", .stranger),
        ("https://auth.example.com:8443", "same-origin", .stranger),
        ("https://auth.example.com:443", "same-origin", .stranger),
        ("https://AUTH.example.com", "same-origin", .stranger),
        ("https://auth.example.com.evil.test", "same-origin", .stranger),
        ("https://auth.example.com/", "same-origin", .stranger),
        ("https://app.example.com https://auth.example.com", nil, .stranger),
    ]

    @Test(.tags(.p12), arguments: table.indices)
    func `Origin is compared to the letter, and Sec-Fetch-Site must agree`(_ row: Int) {
        let (origin, site, expected) = Self.table[row]
        var headers = HTTPFields()
        headers[.origin] = origin
        headers[.secFetchSite] = site
        #expect(Self.policy.sender(of: headers) == expected)
    }

    @Test(.tags(.p12))
    func `A request with two Origin fields is refused, even if both are allowed`() {
        var headers = HTTPFields()
        for _ in 0..<2 { headers.append(HTTPField(name: .origin, value: "https://auth.example.com")) }
        #expect(Self.policy.sender(of: headers) == .stranger)
    }
}
