import Foundation
import PawlJOSE
import PawlTesting
import Testing

@Suite("Key sets", .tags(.p12))
struct KeySetTests {
    private static let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  // RFC 8037, appendix A
    /// RFC 7517, appendix A.1.
    private static let p256 = (
        x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    )

    private static func ec(_ changes: [String: String?] = [:]) -> String {
        json(["kty": "EC", "kid": "k", "crv": "P-256", "x": p256.x, "y": p256.y], changes)
    }

    private static func okp(_ changes: [String: String?] = [:]) -> String {
        json(["kty": "OKP", "kid": "k", "crv": "Ed25519", "x": x], changes)
    }

    private static func json(_ base: [String: String], _ changes: [String: String?]) -> String {
        var members = base
        for (name, value) in changes { members[name] = value }
        return "{" + members.map { "\"\($0.key)\":\"\($0.value)\"" }.sorted().joined(separator: ",") + "}"
    }

    @Test(
        arguments: [
            (ec(), true), (okp(), true), (ec(["alg": "ES256", "use": "sig"]), true), (okp(["alg": "EdDSA"]), true),
            (okp(["alg": "Ed25519"]), true), (ec(["unknown": "member"]), true),
            (ec(["kid": nil]), false), (ec(["use": "enc"]), false), (ec(["alg": "ES384"]), false),
            (ec(["alg": "HS256"]), false),
            (ec(["alg": "EdDSA"]), false), (okp(["alg": "ES256"]), false), (ec(["crv": "P-384"]), false),
            (ec(["crv": "secp256k1"]), false), (ec(["crv": nil]), false), (okp(["crv": "X25519"]), false),
            (ec(["kty": "OKP"]), false),
            (ec(["kty": "RSA"]), false), (ec(["kty": "oct"]), false), (ec(["x": nil]), false), (ec(["y": nil]), false),
            (okp(["x": nil]), false), (ec(["x": p256.x + "="]), false), (ec(["x": "AA"]), false),
            (okp(["x": ""]), false),
            // On no curve: RFC 8725 §3.4.
            (ec(["x": p256.y]), false),
            (ec(["x": String(repeating: "A", count: 43), "y": String(repeating: "A", count: 43)]), false),
        ])
    func `give only keys that can sign access tokens`(json: String, isUsable: Bool) throws {
        let jwk = try JSONDecoder().decode(JSONWebKey.self, from: Data(json.utf8))
        #expect((VerificationKey(jwk) != nil) == isUsable)
    }

    @Test func `pass over what is garbage among their members`() throws {
        let garbage = [
            #""text""#, "17", "null", "[]", "{}", #"{"kty":17}"#, #"{"kid":"only"}"#, #"{"kty":"EC","x":{}}"#,
        ]
        let text =
            #"{"keys":["# + (garbage + [Self.ec(), Self.okp(["kid": "o"])]).joined(separator: ",") + #"],"more":1}"#
        let set = try JSONDecoder().decode(JSONWebKeySet.self, from: Data(text.utf8))
        #expect(set.keys.compactMap { VerificationKey($0)?.id } == ["k", "o"])
    }

    @Test(arguments: ["", "null", "[]", "{}", #"{"keys":{}}"#, #"{"keys":"x"}"#, #"{"keys":["#])
    func `what is no key set is an error`(text: String) {
        #expect(throws: (any Error).self) { try JSONDecoder().decode(JSONWebKeySet.self, from: Data(text.utf8)) }
    }

    @Test(.tags(.p3)) func `drop private members that somebody put in`() throws {
        let jwk = try JSONDecoder().decode(
            JSONWebKey.self, from: Data(Self.ec(["d": "c2VjcmV0", "k": "c2VjcmV0"]).utf8))
        #expect(!String(decoding: try JSONEncoder().encode(jwk), as: UTF8.self).contains("c2VjcmV0"))
    }
}
