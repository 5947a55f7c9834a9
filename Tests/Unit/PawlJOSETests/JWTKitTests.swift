import Foundation
import JWTKit
import PawlJOSE
import PawlTesting
import Testing

/// Another implementation as judge: it reads what we sign and publish, and we read what it signs.
@Suite("Together with jwt-kit", .tags(.p2))
struct JWTKitTests {
    private let mint = Mint()

    private struct Payload: JWTPayload, Equatable {
        var iss: String
        var sub: String
        var aud: String
        var exp: Int
        var iat: Int
        var jti: String
        var clientID: String
        var roles: [String]?

        enum CodingKeys: String, CodingKey {
            case iss, sub, aud, exp, iat, jti, roles
            case clientID = "client_id"
        }

        func verify(using algorithm: some JWTAlgorithm) {}

        static let sample = Self(
            iss: "https://pawl.test", sub: "0123456789abcdef0123456789abcdef", aud: "https://api.test",
            exp: Int(now) + 900, iat: Int(now), jti: "a-token", clientID: "first-party", roles: ["admin"])
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `jwt-kit verifies our tokens with our published keys`(algorithm: SignatureAlgorithm) async throws {
        let set = JSONWebKeySet(keys: try mint.keys().values.map(\.jwk))
        let keys = JWTKeyCollection()
        try await keys.add(jwksJSON: String(decoding: try JSONEncoder().encode(set), as: UTF8.self))
        let token = try mint.key(algorithm).sign(Mint.claims)
        #expect(try await keys.verify(token, as: Payload.self) == .sample)
        let changed = token.dropLast(2) + (token.hasSuffix("AA") ? "BB" : "AA")
        await #expect(throws: (any Error).self) { _ = try await keys.verify(String(changed), as: Payload.self) }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `we verify its tokens, if they are access tokens`(algorithm: SignatureAlgorithm) async throws {
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: try ES256PrivateKey(backing: mint.es256), kid: "es")
        await keys.add(eddsa: EdDSA.PrivateKey(backing: mint.edDSA), kid: "ed")
        let kid: JWKIdentifier = algorithm == .es256 ? "es" : "ed"
        let token = try await keys.sign(Payload.sample, kid: kid, header: ["typ": "at+jwt"])
        let claims = try mint.verify(token)
        #expect(claims.subject == Mint.claims.subject && claims.roles == ["admin"])
        let other = try await keys.sign(Payload.sample, kid: kid)
        #expect(mint.refusal(of: other) == .wrongType, "its default is JWT")
    }
}
