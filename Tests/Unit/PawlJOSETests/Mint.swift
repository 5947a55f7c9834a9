import Crypto
import Foundation
import PawlJOSE
import PawlTesting

let now: Int64 = 1_800_000_000

/// Makes tokens, good ones and every kind of bad one, signed by keys that the verifier trusts: so that it is the rule
/// at hand that refuses them, and not the signature.
struct Mint: Sendable {
    let es256 = P256.Signing.PrivateKey()
    let edDSA = Curve25519.Signing.PrivateKey()
    let verifier = AccessTokenVerifier(issuer: "https://pawl.test", audience: "https://api.test")

    static let header = #"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#

    func key(_ algorithm: SignatureAlgorithm) throws -> SigningKey {
        switch algorithm {
        case .es256: try SigningKey(id: "es", algorithm: .es256, rawRepresentation: [UInt8](es256.rawRepresentation))
        case .edDSA: try SigningKey(id: "ed", algorithm: .edDSA, rawRepresentation: [UInt8](edDSA.rawRepresentation))
        }
    }

    func keys() throws -> [String: VerificationKey] {
        ["es": try key(.es256).verificationKey, "ed": try key(.edDSA).verificationKey]
    }

    static let claims = AccessTokenClaims(
        issuer: "https://pawl.test", subject: "0123456789abcdef0123456789abcdef", audience: ["https://api.test"],
        expiresAt: now + 900, issuedAt: now, id: "a-token", clientID: "first-party",
        sessionID: "fedcba9876543210fedcba9876543210", authTime: now - 60, authMethods: ["pwd"],
        scope: ["read", "write"], roles: ["admin"])

    /// A payload in which members are replaced by raw JSON; nil leaves one out.
    static func payload(_ changes: [String: String?] = [:]) -> String {
        var members: [String: String] = [
            "iss": #""https://pawl.test""#, "sub": #""subject""#, "aud": #""https://api.test""#, "exp": "\(now + 900)",
            "iat": "\(now)", "jti": #""a-token""#, "client_id": #""first-party""#,
        ]
        for (name, value) in changes { members[name] = value }
        return "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    /// A compact JWS over these bytes, with a true ES256 signature unless another is given.
    func token(
        header: String = header, payload: String = payload(), signature: ((String) throws -> [UInt8])? = nil
    ) throws -> String {
        try token(header: [UInt8](header.utf8), payload: [UInt8](payload.utf8), signature: signature)
    }

    func token(
        header: [UInt8], payload: [UInt8], signature: ((String) throws -> [UInt8])? = nil
    ) throws -> String {
        try compactJWS(
            header: header, payload: payload,
            signature: signature ?? { [UInt8](try es256.signature(for: Data($0.utf8)).rawRepresentation) })
    }

    func verify(_ token: String, at time: Int64 = now) throws(AccessTokenError) -> AccessTokenClaims {
        let keys: [String: VerificationKey]
        do { keys = try self.keys() } catch { throw .keysUnavailable }
        return try verifier.verify(token, with: keys, at: time)
    }

    /// Why a token is refused; nil if it is not.
    func refusal(of token: String, at time: Int64 = now) -> AccessTokenError? {
        do throws(AccessTokenError) {
            _ = try verify(token, at: time)
            return nil
        } catch {
            return error
        }
    }
}
