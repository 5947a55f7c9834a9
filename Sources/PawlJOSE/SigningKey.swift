import Crypto

/// A private key that signs access tokens, parsed once and kept as an object: parsing costs half a signature.
package struct SigningKey: Sendable {
    private enum Material: Sendable {
        case es256(P256.Signing.PrivateKey)
        case edDSA(Curve25519.Signing.PrivateKey)
    }

    private let material: Material
    /// The key's name in tokens and in the key set (RFC 7517 §4.5).
    package let id: String
    /// `base64url(header).`, the same for every token that the key signs.
    private let headerSegment: [UInt8]

    private init(id: String, material: Material) {
        self.id = id
        self.material = material
        var header = [UInt8]("{\"alg\":\"".utf8)
        header.append(contentsOf: Self.algorithm(of: material).rawValue.utf8)
        header.append(contentsOf: "\",\"kid\":".utf8)
        JSONText.append(id, to: &header)
        header.append(contentsOf: ",\"typ\":\"at+jwt\"}".utf8)  // RFC 9068 §2.1
        var segment: [UInt8] = []
        Base64URL.encode(header, into: &segment)
        segment.append(UInt8(ascii: "."))
        self.headerSegment = segment
    }

    /// A new key from the system's random source.
    package init(id: String, generating algorithm: SignatureAlgorithm) {
        switch algorithm {
        case .es256: self.init(id: id, material: .es256(.init()))
        case .edDSA: self.init(id: id, material: .edDSA(.init()))
        }
    }

    /// The key whose 32 private bytes are given.
    /// - Throws: swift-crypto's error if the bytes are no private key.
    package init(id: String, algorithm: SignatureAlgorithm, rawRepresentation: [UInt8]) throws {
        switch algorithm {
        case .es256: self.init(id: id, material: .es256(try .init(rawRepresentation: rawRepresentation)))
        case .edDSA: self.init(id: id, material: .edDSA(try .init(rawRepresentation: rawRepresentation)))
        }
    }

    package var algorithm: SignatureAlgorithm { Self.algorithm(of: material) }

    private static func algorithm(of material: Material) -> SignatureAlgorithm {
        switch material {
        case .es256: .es256
        case .edDSA: .edDSA
        }
    }

    /// The 32 private bytes, for sealing. Nothing else may read them.
    package var rawRepresentation: [UInt8] {
        switch material {
        case .es256(let key): [UInt8](key.rawRepresentation)
        case .edDSA(let key): [UInt8](key.rawRepresentation)
        }
    }

    package var verificationKey: VerificationKey {
        switch material {
        case .es256(let key): VerificationKey(id: id, publicKey: .es256(key.publicKey))
        case .edDSA(let key): VerificationKey(id: id, publicKey: .edDSA(key.publicKey))
        }
    }

    /// The compact serialisation (RFC 7515 §7.1) of an access token with these claims.
    /// - Throws: swift-crypto's error if signing fails.
    package func sign(_ claims: AccessTokenClaims) throws -> String {
        let payload = claims.json
        var token = headerSegment
        token.reserveCapacity(headerSegment.count + payload.count * 4 / 3 + 96)
        Base64URL.encode(payload, into: &token)
        let signature =
            switch material {
            case .es256(let key): try key.signature(for: token).rawRepresentation
            case .edDSA(let key): try key.signature(for: token)
            }
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature, into: &token)
        return String(decoding: token, as: UTF8.self)
    }
}
