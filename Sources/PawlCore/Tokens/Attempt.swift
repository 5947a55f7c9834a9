import Crypto

/// The name that a client gives one try to rotate (`Idempotency-Key`): a retry repeats it.
public struct AttemptName: Sendable {
    let name: Secret

    /// A name of 16 to 255 visible ASCII characters, in quotes or not (both spellings name the same attempt).
    /// - Returns: nil for any other text.
    public init?(_ header: String) {
        var characters = header.utf8[...]
        if characters.count >= 2, characters.first == UInt8(ascii: "\""), characters.last == UInt8(ascii: "\"") {
            characters = characters.dropFirst().dropLast()
        }
        guard (16...255).contains(characters.count), characters.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        name = Secret(characters)
    }

    /// What the store keeps: 8 bytes of an HMAC under a key that only the presented token gives. Checkable when that
    /// token comes back, not searchable.
    func digest(under token: RefreshToken) -> AttemptDigest {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: token.secret.exposed), info: Self.label, outputByteCount: 32)
        let code = HMAC<SHA256>.authenticationCode(for: name.exposed, using: key)
        return AttemptDigest(value: integer(bigEndian: code.prefix(8)))
    }

    private static let label = [UInt8]("pawl/v1/attempt".utf8)
}

/// What is kept of an attempt's name.
public struct AttemptDigest: Sendable, Hashable {
    package let value: UInt64

    package init(value: UInt64) {
        self.value = value
    }
}
