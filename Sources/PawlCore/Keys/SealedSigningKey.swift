import Crypto
package import PawlJOSE

/// A signing key as it is stored: its private part sealed under a master secret and bound to the key's id.
package struct SealedSigningKey: Sendable, Equatable {
    package let id: String
    package let algorithm: String
    /// Key id 1, nonce 12, private key 32, tag 16.
    package let seal: [UInt8]
    package let createdAt: UnixTime
    /// From when on it signs. Until then verifiers have time to learn it.
    package let activatesAt: UnixTime

    package init(id: String, algorithm: String, seal: [UInt8], createdAt: UnixTime, activatesAt: UnixTime) {
        self.id = id
        self.algorithm = algorithm
        self.seal = seal
        self.createdAt = createdAt
        self.activatesAt = activatesAt
    }

    init(_ key: SigningKey, secrets: MasterSecrets, createdAt: UnixTime, activatesAt: UnixTime) throws {
        let box = try AES.GCM.seal(
            key.rawRepresentation, using: secrets.newest.signingKeyKey, authenticating: [UInt8](key.id.utf8))
        self.init(
            id: key.id, algorithm: key.algorithm.rawValue,
            seal: [secrets.newest.id] + [UInt8](box.nonce) + [UInt8](box.ciphertext) + [UInt8](box.tag),
            createdAt: createdAt, activatesAt: activatesAt)
    }

    /// Whether the newest secret sealed it.
    func isCurrent(_ secrets: MasterSecrets) -> Bool { seal.first == secrets.newest.id }

    /// The order in which keys sign.
    func precedes(_ other: Self) -> Bool { (activatesAt, id) < (other.activatesAt, other.id) }

    /// The key, or nil if no configured secret opens it.
    package func open(with secrets: MasterSecrets) -> SigningKey? {
        guard let algorithm = SignatureAlgorithm(rawValue: algorithm), let master = seal.first.flatMap({ secrets[$0] })
        else { return nil }
        do {
            let raw = try AES.GCM.open(
                .init(combined: seal.dropFirst()), using: master.signingKeyKey, authenticating: [UInt8](id.utf8))
            return try SigningKey(id: id, algorithm: algorithm, rawRepresentation: [UInt8](raw))
        } catch {
            return nil  // wrong key or tampered data
        }
    }
}
