import Crypto

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A public key that checks access tokens, parsed once.
package struct VerificationKey: Sendable {
    enum PublicKey: Sendable {
        case es256(P256.Signing.PublicKey)
        case edDSA(Curve25519.Signing.PublicKey)
    }

    package let id: String
    let publicKey: PublicKey

    init(id: String, publicKey: PublicKey) {
        self.id = id
        self.publicKey = publicKey
    }

    /// The key that a JWK describes, or nil for one that cannot sign access tokens: another type, curve or use, a
    /// missing member (RFC 7517 §5: such keys are ignored), or a point that is not on the curve (RFC 8725 §3.4).
    package init?(_ jwk: JSONWebKey) {
        guard let id = jwk.kid, jwk.use ?? "sig" == "sig" else { return nil }
        switch (jwk.kty, jwk.crv, jwk.alg ?? Self.onlyAlgorithm(of: jwk.crv)) {
        case ("EC", "P-256", "ES256"):
            guard let x = jwk.coordinate(\.x), let y = jwk.coordinate(\.y),
                let key = Result(catching: { try P256.Signing.PublicKey(rawRepresentation: x + y) }).success
            else { return nil }
            self.init(id: id, publicKey: .es256(key))
        case ("OKP", "Ed25519", "EdDSA"), ("OKP", "Ed25519", "Ed25519"):
            guard let x = jwk.coordinate(\.x),
                let key = Result(catching: { try Curve25519.Signing.PublicKey(rawRepresentation: x) }).success
            else { return nil }
            self.init(id: id, publicKey: .edDSA(key))
        default:
            return nil
        }
    }

    private static func onlyAlgorithm(of curve: String?) -> String? {
        switch curve {
        case "P-256": "ES256"
        case "Ed25519": "EdDSA"
        default: nil
        }
    }

    package var algorithm: SignatureAlgorithm {
        switch publicKey {
        case .es256: .es256
        case .edDSA: .edDSA
        }
    }

    /// The public key as it stands in a key set: public members only (RFC 7517 §4).
    package var jwk: JSONWebKey {
        switch publicKey {
        case .es256(let key):
            let point = [UInt8](key.rawRepresentation)
            return JSONWebKey(
                kty: "EC", kid: id, use: "sig", alg: algorithm.rawValue, crv: "P-256",
                x: Base64URL.encode(point[..<32]), y: Base64URL.encode(point[32...]))
        case .edDSA(let key):
            return JSONWebKey(
                kty: "OKP", kid: id, use: "sig", alg: algorithm.rawValue, crv: "Ed25519",
                x: Base64URL.encode([UInt8](key.rawRepresentation)), y: nil)
        }
    }

    func isValid(signature: [UInt8], for signed: some DataProtocol) -> Bool {
        guard signature.count == 64 else { return false }
        switch publicKey {
        case .es256(let key):
            guard
                let signature = Result(catching: { try P256.Signing.ECDSASignature(rawRepresentation: signature) })
                    .success
            else { return false }
            return key.isValidSignature(signature, for: signed)
        case .edDSA(let key):
            return key.isValidSignature(signature, for: signed)
        }
    }
}

/// One member of a JWK Set (RFC 7517 §4), public members only. Unknown members are ignored.
package struct JSONWebKey: Codable, Sendable, Hashable {
    package var kty: String
    package var kid: String?
    package var use: String?
    package var alg: String?
    package var crv: String?
    package var x: String?
    package var y: String?

    fileprivate func coordinate(_ member: KeyPath<Self, String?>) -> [UInt8]? {
        guard let bytes = self[keyPath: member].flatMap({ Base64URL.decode($0.utf8) }), bytes.count == 32 else {
            return nil
        }
        return bytes
    }
}

/// A JWK Set (RFC 7517 §5). A member that is not even a JWK is passed over, not an error.
package struct JSONWebKeySet: Codable, Sendable, Hashable {
    package var keys: [JSONWebKey]

    package init(keys: [JSONWebKey]) {
        self.keys = keys
    }

    private struct Lenient: Decodable {
        let key: JSONWebKey?
        init(from decoder: any Decoder) throws {
            key = Result(catching: { try JSONWebKey(from: decoder) }).success
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        keys = try container.decode([Lenient].self, forKey: .keys).compactMap(\.key)
    }
}

extension Result {
    fileprivate var success: Success? {
        switch self {
        case .success(let value): value
        case .failure: nil
        }
    }
}
