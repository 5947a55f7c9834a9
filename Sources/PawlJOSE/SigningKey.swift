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
    /// `base64url(header).` of access tokens, the same for every one that the key signs.
    private let accessTokenHeader: [UInt8]

    private init(id: String, material: Material) {
        self.id = id
        self.material = material
        accessTokenHeader = Self.header(of: .accessToken, id: id, Self.algorithm(of: material))
    }

    /// `base64url(header).`
    private static func header(of type: TokenType, id: String, _ algorithm: SignatureAlgorithm) -> [UInt8] {
        var header = [UInt8]("{\"alg\":\"\(algorithm.rawValue)\",\"kid\":".utf8)
        JSONText.append(id, to: &header)
        header.append(contentsOf: ",\"typ\":".utf8)
        JSONText.append(type.name, to: &header)
        header.append(UInt8(ascii: "}"))
        var segment: [UInt8] = []
        Base64URL.encode(header, into: &segment)
        segment.append(UInt8(ascii: "."))
        return segment
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

    /// An access token with these claims.
    /// - Throws: swift-crypto's error if signing fails.
    package func sign(_ claims: AccessTokenClaims) throws -> String { try sign(claims.json, as: .accessToken) }

    /// The compact serialisation (RFC 7515 §7.1) of a token that says `payload`.
    /// - Throws: swift-crypto's error if signing fails.
    package func sign(_ payload: [UInt8], as type: TokenType) throws -> String {
        var token = type == .accessToken ? accessTokenHeader : Self.header(of: type, id: id, algorithm)
        token.reserveCapacity(token.count + payload.count * 4 / 3 + 96)
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
