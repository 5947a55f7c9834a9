import Crypto
import Foundation
import PawlJOSE
import PawlTesting
import Testing

@Suite("Attacks on access tokens", .tags(.p2, .p12))
struct AttackTests {
    private let mint = Mint()

    @Test func `the yardstick: without an attack the token is good`() throws {
        #expect(mint.refusal(of: try mint.token()) == nil)
    }

    /// All of them truly signed by the trusted ES256 key.
    @Test(
        arguments: [
            (#"{"alg":"none","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"None","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"nOnE","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"es256","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"HS256","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"RS256","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"ES384","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"ES256K","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"EdDSA","kid":"es","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":"ES256","kid":"ed","typ":"at+jwt"}"#, .algorithmNotAllowed),
            (#"{"alg":["ES256"],"kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":256,"kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":null,"kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":{"ES256":1},"kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"{"kid":"es","typ":"at+jwt"}"#, .malformed),

            (#"{"alg":"ES256","kid":"unknown","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"ES256","kid":"","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"ES256","kid":"es' OR '1'='1","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"ES256","kid":"es; DROP TABLE signing_keys","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"ES256","kid":"../../../dev/null","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"ES256","kid":"ES","typ":"at+jwt"}"#, .unknownKey),
            (#"{"alg":"ES256","typ":"at+jwt"}"#, .malformed), (#"{"alg":"ES256","kid":1,"typ":"at+jwt"}"#, .malformed),

            (#"{"alg":"ES256","kid":"es","typ":"JWT"}"#, .wrongType), (#"{"alg":"ES256","kid":"es"}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"dpop+jwt"}"#, .wrongType),
            (#"{"alg":"ES256","kid":"es","typ":"dbsc+jwt"}"#, .wrongType),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt "}"#, .wrongType),
            (#"{"alg":"ES256","kid":"es","typ":"text/at+jwt"}"#, .wrongType),
            (#"{"alg":"ES256","kid":"es","typ":["at+jwt"]}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"AT+JWT"}"#, nil),
            (#"{"alg":"ES256","kid":"es","typ":"application/at+jwt"}"#, nil),

            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","crit":["exp"]}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","crit":["x"]}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","crit":[]}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","crit":"exp"}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","b64":false}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","b64":true}"#, .malformed),
            // FAULTS F1: a member is there, whatever it holds.
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","crit":null}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","b64":null}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","b64":null,"crit":null}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":null}"#, .malformed),
            (#"{"alg":"ES256","kid":null,"typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","b64":false,"crit":["b64"]}"#, .malformed),

            (#"{"alg":"ES256","alg":"none","kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"none","\u0061lg":"ES256","kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"{"alg":"ES256","kid":"es","kid":"es","typ":"at+jwt"}"#, .malformed),
            (#"["alg","ES256"]"#, .malformed), (#""ES256""#, .malformed), ("", .malformed), ("null", .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt"}{}"#, .malformed),
            (#" {"alg":"ES256","kid":"es","typ":"at+jwt"}"#, .malformed),
            ("\u{FEFF}" + Mint.header, .malformed), (#"{"alg":"ES256","kid":"es","typ":"at+jwt""#, .malformed),
            (#"{"alg":"ES256","kid":"es","typ":"at+jwt","x":"# + String(repeating: "[", count: 5000), .malformed),
        ] as [(String, AccessTokenError?)])
    func `an access token with an attack in its header is refused`(header: String, refusal: AccessTokenError?) throws {
        #expect(mint.refusal(of: try mint.token(header: header)) == refusal)
    }

    @Test(
        arguments: [
            (["aud": #""https://other.test""#], .wrongAudience), (["aud": nil], .malformed),
            (["aud": "[]"], .wrongAudience),
            (["aud": #"["https://other.test","https://api.test"]"#], nil),
            (["aud": #"["https://other.test"]"#], .wrongAudience),
            (["aud": #""https://api.test/""#], .wrongAudience), (["aud": #""HTTPS://API.TEST""#], .wrongAudience),
            (["aud": "17"], .malformed), (["aud": #"["https://api.test",17]"#], .malformed),
            (["aud": #"{"https://api.test":1}"#], .malformed),

            (["iss": #""https://pawl.test/""#], .wrongIssuer), (["iss": #""http://pawl.test""#], .wrongIssuer),
            (["iss": #""https://PAWL.test""#], .wrongIssuer),
            (["iss": #""https://pawl.test.evil.test""#], .wrongIssuer),
            (["iss": #""""#], .wrongIssuer), (["iss": nil], .malformed),
            (["iss": #"["https://pawl.test"]"#], .malformed),

            (["exp": "\(now + 1)"], nil), (["exp": "0"], .expired), (["exp": nil], .malformed),
            (["iat": "\(now - 900)", "exp": "\(now - 29)"], nil),
            (["iat": "\(now - 900)", "exp": "\(now - 30)"], .expired),
            (["iat": "\(now - 900)", "exp": "\(now - 29).5"], .malformed),
            (["exp": "\"\(now + 900)\""], .malformed), (["exp": "null"], .malformed), (["exp": "1e400"], .malformed),
            (["exp": "1e308"], .malformed), (["exp": "-1"], .malformed), (["exp": "1e15"], .malformed),

            (["nbf": "\(now + 30)"], nil), (["nbf": "\(now + 31)"], .notYetValid),
            (["nbf": "\(now + 3600)"], .notYetValid),
            (["nbf": "-1"], .malformed), (["nbf": #""soon""#], .malformed), (["iat": "\(now + 30)"], nil),
            (["iat": "\(now + 31)"], .notYetValid), (["iat": "\(now + 3600)"], .notYetValid),
            (["iat": nil], .malformed),

            (["sub": nil], .malformed), (["sub": "17"], .malformed), (["jti": nil], .malformed),
            (["client_id": nil], .malformed),
            (["roles": #""admin""#], .malformed), (["roles": #"["admin",1]"#], .malformed),
            (["scope": #"["read"]"#], .malformed),
            (["auth_time": #""now""#], .malformed), (["auth_time": "1e300"], .malformed), (["sid": "17"], .malformed),

            // FAULTS F1: lifetimes that Pawl gives to no token, times that it does not write, members without content.
            (["exp": "\(now + 3600)"], nil), (["exp": "\(now + 3601)"], .lifetimeNotAllowed),
            (["exp": "\(now + 30 * 366 * 86400)"], .lifetimeNotAllowed), (["exp": "999999999999"], .lifetimeNotAllowed),
            (["iat": "0"], .lifetimeNotAllowed), (["iat": "\(now - 86400)", "exp": "\(now + 1)"], .lifetimeNotAllowed),
            (["iat": "\(now + 20)", "exp": "\(now + 20)"], .lifetimeNotAllowed),
            (["iat": "\(now + 20)", "exp": "\(now + 10)"], .lifetimeNotAllowed),
            (["exp": "\(now + 900).5"], .malformed), (["iat": "\(now).5"], .malformed),
            (["nbf": "\(now).5"], .malformed), (["auth_time": "\(now).5"], .malformed),
            (["exp": "\(now + 900).0"], nil), (["iat": "18e8"], nil), (["iat": "9007199254740993"], .malformed),
            (["exp": "1e12"], .malformed), (["iat": "null"], .malformed), (["nbf": "null"], .malformed),
            (["auth_time": "null"], .malformed), (["auth_time": "\(now + 30)"], nil),
            (["auth_time": "\(now + 31)"], .notYetValid), (["sub": #""""#], .malformed), (["sub": "null"], .malformed),
            (["jti": #""""#], .malformed), (["jti": "null"], .malformed), (["client_id": #""""#], .malformed),
            (["sid": #""""#], .malformed), (["sid": "null"], .malformed), (["aud": "null"], .malformed),
            (["aud": #""""#], .wrongAudience), (["aud": #"[""]"#], .wrongAudience),
            (["aud": #"["https://api.test",null]"#], .malformed), (["iss": "null"], .malformed),
            (["amr": "null"], .malformed), (["scope": "null"], .malformed), (["roles": "null"], .malformed),
            (["roles": "[null]"], .malformed), (["unknown": "null"], nil),

            (["unknown": #"{"deep":[1,{"er":[null]}]}"#], nil), (["cnf": #"{"jkt":"x"}"#], nil),
        ] as [([String: String?], AccessTokenError?)])
    func `an access token with an attack in its claims is refused`(
        changes: [String: String?], refusal: AccessTokenError?
    ) throws {
        #expect(mint.refusal(of: try mint.token(payload: Mint.payload(changes))) == refusal)
    }

    /// Which of two equal names wins differs from decoder to decoder (RFC 8725 §3.7).
    @Test(
        arguments: [
            #","sub":"attacker"}"#, #","sub":"subject"}"#, #","\u0073ub":"attacker"}"#, #","s\u0075b":"attacker"}"#,
            #","exp":9999999999}"#, #","\u0065xp":9999999999}"#, #","roles":[],"roles":["admin"]}"#, #","":1,"":2}"#,
        ])
    func `an access token with names that come twice, or are written so as to hide it, is refused`(end: String) throws {
        #expect(mint.refusal(of: try mint.token(payload: Mint.payload().dropLast() + end)) == .malformed)
    }

    @Test func `an access token may hold the same names further down, where they mean nothing`() throws {
        let payload = String(Mint.payload().dropLast()) + #","x":{"sub":"a","sub":"b","list":[{"iss":1},{"iss":2}]}}"#
        #expect(mint.refusal(of: try mint.token(payload: payload)) == nil)
    }

    @Test(
        arguments: [
            String(repeating: "[", count: 4000), "{\"x\":" + String(repeating: "[", count: 4000),
            "{\"x\":" + String(repeating: "{\"x\":", count: 1000),
            "", "[]", "17", "{", "}", "{]", "{\"x\":[}", "{\"x", "{\"x\\", "\u{FEFF}" + Mint.payload(),
            " " + Mint.payload(), Mint.payload() + "{}",
            Mint.payload() + "x", Mint.payload().replacing("\"", with: "'"), "{\"sub\":\"\u{1}\"}",
        ])
    func `an access token whose payload is not the JSON of claims is refused`(payload: String) throws {
        #expect(mint.refusal(of: try mint.token(payload: payload)) == .malformed)
    }

    @Test(arguments: [("[", "]"), ("{\"y\":", "}")], [(7, true), (8, false), (9, false), (600, false)])
    func `an access token with deep nesting is refused`(
        bracket: (open: String, close: String), depth: (count: Int, isAllowed: Bool)
    ) throws {
        let nested =
            String(repeating: bracket.open, count: depth.count) + "1"
            + String(repeating: bracket.close, count: depth.count)
        let token = try mint.token(payload: Mint.payload(["x": nested]))
        #expect(mint.refusal(of: token) == (depth.isAllowed ? nil : .malformed))
    }

    @Test func `an access token in another encoding than UTF-8 is refused`() throws {
        let text = Mint.payload()
        for encoding: String.Encoding in [
            .utf16LittleEndian, .utf16BigEndian, .utf16, .utf32LittleEndian, .utf32BigEndian,
        ] {
            let bytes = [UInt8](try #require(text.data(using: encoding)))
            #expect(mint.refusal(of: try mint.token(header: [UInt8](Mint.header.utf8), payload: bytes)) == .malformed)
        }
        var invalid = [UInt8](Mint.payload(["sub": #""x""#]).utf8)
        invalid[try #require(invalid.firstIndex(of: UInt8(ascii: "x")))] = 0xFF
        #expect(mint.refusal(of: try mint.token(header: [UInt8](Mint.header.utf8), payload: invalid)) == .malformed)
    }

    @Test func `an access token with an issuer that only looks the same is refused`() throws {
        // Swift compares strings by canonical equivalence; identifiers are compared code point by code point.
        let verifier = AccessTokenVerifier(issuer: "https://caf\u{E9}.test", audience: "caf\u{E9}")
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let keys = try mint.keys()
        func token(_ issuer: String, _ audience: String) throws -> String {
            try mint.token(payload: Mint.payload(["iss": "\"https://\(issuer).test\"", "aud": "\"\(audience)\""]))
        }
        _ = try verifier.verify(try token(composed, composed), with: keys, at: now)
        let (otherIssuer, otherAudience) = (try token(decomposed, composed), try token(composed, decomposed))
        #expect(throws: AccessTokenError.wrongIssuer) { try verifier.verify(otherIssuer, with: keys, at: now) }
        #expect(throws: AccessTokenError.wrongAudience) { try verifier.verify(otherAudience, with: keys, at: now) }
    }
}
