import Crypto
import Foundation
import PawlJOSE
import PawlTesting
import Testing

@Suite("Forged access tokens", .tags(.p2, .p12))
struct ForgeryTests {
    private let mint = Mint()

    @Test(arguments: ["none", "None", "nOnE", "NONE", "ES256"])
    func `an access token without a signature is refused`(algorithm: String) throws {
        let header = #"{"alg":"\#(algorithm)","kid":"es","typ":"at+jwt"}"#
        let token = try mint.token(header: header) { _ in [] }
        #expect(token.hasSuffix("."))
        #expect(mint.refusal(of: token) != nil)
        #expect(mint.refusal(of: String(token.dropLast())) == .malformed, "two segments")
    }

    /// The classic: the verifier's public key as the secret of an HMAC, in every form that one finds it in.
    @Test func `an access token with HS256 and the public key is refused`() throws {
        let key = mint.es256.publicKey
        let jwk = String(decoding: try JSONEncoder().encode(try mint.key(.es256).verificationKey.jwk), as: UTF8.self)
        let forms: [[UInt8]] = [
            [UInt8](key.pemRepresentation.utf8), [UInt8](key.derRepresentation), [UInt8](key.rawRepresentation),
            [UInt8](key.x963Representation), [UInt8](key.compressedRepresentation), [UInt8](jwk.utf8), [],
        ]
        for form in forms {
            for header in [#"{"alg":"HS256","kid":"es","typ":"at+jwt"}"#, Mint.header] {
                let token = try mint.token(header: header) {
                    [UInt8](HMAC<SHA256>.authenticationCode(for: Data($0.utf8), using: SymmetricKey(data: form)))
                }
                #expect(mint.refusal(of: token) != nil)
            }
        }
    }

    /// What the header offers as a key is never looked at, nor fetched: the verifier is a pure function.
    @Test(arguments: ["es", "attacker"])
    func `an access token with an attacker's key in the header is refused`(kid: String) throws {
        let attacker = P256.Signing.PrivateKey()
        let raw = [UInt8](attacker.publicKey.rawRepresentation)
        let (x, y) = (Base64URL.encode(raw[..<32]), Base64URL.encode(raw[32...]))
        let offers = [
            #""jwk":{"kty":"EC","crv":"P-256","kid":"\#(kid)","x":"\#(x)","y":"\#(y)"}"#,
            #""x5c":["\#(attacker.publicKey.derRepresentation.base64EncodedString())"]"#,
            #""jku":"https://evil.test/jwks.json""#, #""jku":"http://127.0.0.1:9/jwks.json""#,
            #""x5u":"http://169.254.169.254/latest""#,
        ]
        for offer in offers {
            let header = #"{"alg":"ES256","kid":"\#(kid)","typ":"at+jwt",\#(offer)}"#
            let forged = try mint.token(header: header) {
                [UInt8](try attacker.signature(for: Data($0.utf8)).rawRepresentation)
            }
            #expect(mint.refusal(of: forged) == (kid == "es" ? .badSignature : .unknownKey))
        }
        let harmless = #"{"alg":"ES256","kid":"es","typ":"at+jwt",\#(offers[0])}"#
        #expect(mint.refusal(of: try mint.token(header: harmless)) == nil, "ignored, as RFC 7515 wants")
    }

    @Test func `an access token with the parts of two tokens is refused`() throws {
        let one = try mint.token().split(separator: ".")
        let two = try mint.token(payload: Mint.payload(["sub": #""victim""#])).split(separator: ".")
        #expect(mint.refusal(of: "\(one[0]).\(two[1]).\(one[2])") == .badSignature)
    }

    @Test(
        arguments: [
            "", ".", "..", "...", "a.b.c", "prt_AAAA", "Bearer x", "é.é.é", "\0", String(repeating: ".", count: 8000),
            String(repeating: "a", count: 5 * 1024 * 1024), String(repeating: "a.", count: 2_500_000),
            String(repeating: "W1tb", count: 2500) + ".e30.e30",
        ])
    func `an access token is refused that are none`(text: String) {
        #expect(mint.refusal(of: text) == .malformed)
        #expect(SignedToken.keyID(of: text) == nil)
    }

    @Test func `an access token with padding, white space, more segments or other serialisations is refused`() throws {
        let token = try mint.token()
        let parts = token.split(separator: ".").map(String.init)
        let variants = [
            token + "=", token + "==", token + " ", " " + token, token + "\n", "\t" + token, token + ".", "." + token,
            token + "." + parts[2], parts[0] + "=." + parts[1] + "." + parts[2],
            parts[0] + "." + parts[1] + "=." + parts[2],
            parts[0] + " ." + parts[1] + "." + parts[2], parts[0] + ".\n" + parts[1] + "." + parts[2],
            #"{"protected":"\#(parts[0])","payload":"\#(parts[1])","signature":"\#(parts[2])"}"#,
            #"{"payload":"\#(parts[1])","signatures":[{"protected":"\#(parts[0])","signature":"\#(parts[2])"}]}"#,
        ]
        for variant in variants { #expect(throws: AccessTokenError.self) { try mint.verify(variant) } }
    }

    @Test func `longer than any of ours are refused unread`() throws {
        // Good tokens but for their length: the id is stretched, three bytes making four characters.
        var claims = Mint.claims
        var longest = 0
        for count in 5700...5800 {
            claims.id = String(repeating: "x", count: count)
            let token = try mint.key(.es256).sign(claims)
            let isRead = token.utf8.count <= SignedToken.maximumLength
            if isRead { longest = max(longest, token.utf8.count) }
            #expect(mint.refusal(of: token) == (isRead ? nil : .malformed))
        }
        #expect((8190...8192).contains(longest), "both sides of the limit were tried")
    }
}
