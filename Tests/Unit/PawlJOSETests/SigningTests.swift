import Crypto
import Foundation
import PawlJOSE
import PawlTesting
import Testing

@Suite("Signing and checking", .tags(.p2))
struct SigningTests {
    private let mint = Mint()

    @Test(arguments: SignatureAlgorithm.allCases)
    func `what was signed comes back`(algorithm: SignatureAlgorithm) throws {
        let token = try mint.key(algorithm).sign(Mint.claims)
        #expect(try mint.verify(token) == Mint.claims)
        #expect(SignedToken.keyID(of: token) == (algorithm == .es256 ? "es" : "ed"))
    }

    @Test func `claims may hold any text`() throws {
        var claims = Mint.claims
        claims.subject = "quote \" backslash \\ newline \n null \0 é 中 🦀 \u{2028} </script>"
        claims.audience = ["https://other.test", "https://api.test"]
        claims.roles = ["a\"b", "", "é"]
        claims.sessionID = nil
        claims.authTime = nil
        claims.authMethods = []
        claims.scope = []
        let token = try mint.key(.es256).sign(claims)
        #expect(try mint.verify(token) == claims)
        // And what was written by hand is what a JSON parser reads.
        let payload = try #require(Base64URL.decode(Array(token.utf8.split(separator: UInt8(ascii: "."))[1])))
        let parsed = try #require(try JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any])
        #expect(parsed["sub"] as? String == claims.subject)
        #expect(parsed["aud"] as? [String] == claims.audience)
        #expect(Set(parsed.keys) == ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "roles"])
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `an access token with any character changed is refused`(algorithm: SignatureAlgorithm) throws {
        let token = try mint.key(algorithm).sign(Mint.claims)
        let keys = try mint.keys()
        for place in token.indices {
            for other in ["A", "B", ".", "=", ""] where other != String(token[place]) {
                let changed = token.replacingCharacters(in: place...place, with: other)
                #expect(throws: AccessTokenError.self) { try mint.verifier.verify(changed, with: keys, at: now) }
            }
        }
    }

    @Test func `a signature of another length is refused`() throws {
        for algorithm in SignatureAlgorithm.allCases {
            let token = try mint.key(algorithm).sign(Mint.claims)
            let end = try #require(token.lastIndex(of: "."))
            let signature = try #require(Base64URL.decode(token[token.index(after: end)...].utf8))
            let wrong: [[UInt8]] = [
                [], Array(signature.dropLast()), signature + [0], [0] + signature, signature + signature,
                [UInt8](repeating: 0, count: 64),
            ]
            for bytes in wrong {
                #expect(mint.refusal(of: token[...end] + Base64URL.encode(bytes)) == .badSignature)
            }
        }
    }

    @Test func `an ECDSA signature in DER is refused`() throws {
        let token = try mint.token { [UInt8](try mint.es256.signature(for: Data($0.utf8)).derRepresentation) }
        #expect(mint.refusal(of: token) == .badSignature)
    }

    @Test func `another key of the same name is refused`() throws {
        let token = try SigningKey(id: "es", generating: .es256).sign(Mint.claims)
        #expect(mint.refusal(of: token) == .badSignature)
    }

    @Test(.tags(.p3)) func `a key set has public members only`() throws {
        let set = JSONWebKeySet(keys: try mint.keys().values.map(\.jwk))
        let encoded = try JSONEncoder().encode(set)
        let parsed = try #require(try JSONSerialization.jsonObject(with: encoded) as? [String: [[String: String]]])
        let keys = try #require(parsed["keys"])
        #expect(keys.count == 2)
        for key in keys {
            #expect(Set(key.keys).isSubset(of: ["kty", "kid", "use", "alg", "crv", "x", "y"]))
            #expect(key["use"] == "sig")
        }
        let text = String(decoding: encoded, as: UTF8.self)
        for secret in [[UInt8](mint.es256.rawRepresentation), [UInt8](mint.edDSA.rawRepresentation)] {
            #expect(!text.contains(Base64URL.encode(secret)) && !text.contains(Data(secret).base64EncodedString()))
        }
    }

    @Test func `a published key verifies what its private half signed`() throws {
        for algorithm in SignatureAlgorithm.allCases {
            let published = try JSONEncoder().encode(try mint.key(algorithm).verificationKey.jwk)
            let key = try #require(VerificationKey(try JSONDecoder().decode(JSONWebKey.self, from: published)))
            let token = try mint.key(algorithm).sign(Mint.claims)
            #expect(try mint.verifier.verify(token, with: [key.id: key], at: now) == Mint.claims)
        }
    }

    @Test(.tags(.p3)) func `a refusal names the rule, never the token`() throws {
        let token = try mint.token(payload: Mint.payload(["iss": #""https://evil.test""#]))
        let refusal = try #require(mint.refusal(of: token))
        #expect(refusal == .wrongIssuer)
        #expect(!refusal.description.contains("evil") && refusal.description.contains("issuer"))
    }
}

/// Tokens of other kinds, by the same keys.
@Suite("Token types", .tags(.p3))
struct TokenTypeTests {
    @Test(arguments: SignatureAlgorithm.allCases)
    func `a token of one type is read as that type alone`(algorithm: SignatureAlgorithm) throws {
        let key = SigningKey(id: "k", generating: algorithm)
        let (keys, logout) = (["k": key.verificationKey], TokenType("logout+jwt"))
        let payload = [UInt8](#"{"sub":"ana"}"#.utf8)
        let token = try key.sign(payload, as: logout)
        #expect(try SignedToken.payload(of: token, type: logout, with: keys) == payload)
        #expect(throws: AccessTokenError.wrongType) {
            try SignedToken.payload(of: token, type: .accessToken, with: keys)
        }
        #expect(SignedToken.keyID(of: token) == "k")
    }
}
