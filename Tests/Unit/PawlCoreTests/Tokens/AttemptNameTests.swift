import Crypto
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Attempt name")
struct AttemptNameTests {
    @Test(
        .tags(.p12),
        arguments: [
            (String(repeating: "a", count: 15), false), (String(repeating: "a", count: 16), true),
            (String(repeating: "a", count: 255), true), (String(repeating: "a", count: 256), false),
            ("\"" + String(repeating: "a", count: 15) + "\"", false),
            ("\"" + String(repeating: "a", count: 16) + "\"", true),
            ("\"" + String(repeating: "a", count: 255) + "\"", true),
            ("", false), ("\"", false), ("\"\"", false), ("0123456789 abcdef", false), ("0123456789abcde\u{7F}", false),
            ("0123456789abcdé", false), ("0123456789\tabcdef", false), ("0123456789\0abcdef", false),
            ("!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true), ("8f14e45f-ceea-467f-a8d6-9a6f3a4d1c11", true),
            ("\"0123456789abcdef", true),
        ])
    func `an attempt's name is 16 to 255 visible ASCII characters, in quotes or not`(text: String, isAllowed: Bool) {
        #expect((AttemptName(text) != nil) == isAllowed)
    }

    @Test func `means the same with and without quotes`() throws {
        let plain = try AttemptName("0123456789abcdef").orThrow()
        let quoted = try AttemptName("\"0123456789abcdef\"").orThrow()
        #expect(try digest(plain, 1) == digest(quoted, 1))
    }

    @Test(.tags(.p3))
    func `an attempt's name is kept as a digest that only the presented token's holder can make`() throws {
        let name = try AttemptName("0123456789abcdef").orThrow()
        let other = try AttemptName("0123456789abcdeF").orThrow()
        #expect(try digest(name, 1) == digest(name, 1))
        #expect(try digest(name, 1) != digest(name, 2))
        #expect(try digest(name, 1) != digest(other, 1))
        #expect(try digest(name, 1).value != 0)
    }

    @Test func `an attempt's name has the digest that other versions make, too`() throws {
        let key = HKDF<SHA256>.expand(
            pseudoRandomKey: Sample.bytes(1), info: [UInt8]("pawl/v1/attempt0123456789abcdef".utf8), outputByteCount: 8)
        let bytes = unsafe key.withUnsafeBytes { unsafe [UInt8]($0) }
        let name = try AttemptName("0123456789abcdef").orThrow()
        #expect(try digest(name, 1).value == integer(bigEndian: bytes))
    }

    /// The digest of a name under a token with this secret.
    private func digest(_ name: AttemptName, _ secret: UInt64) throws -> AttemptDigest {
        let token = RefreshToken(
            keyID: 1, sessionID: try SessionID(bytes: Sample.bytes(1, count: 16)).orThrow(), generation: 0,
            issuedAt: Sample.start, secret: Secret(Sample.bytes(secret)))
        return TokenKeys(of: token).digest(of: name)
    }
}
