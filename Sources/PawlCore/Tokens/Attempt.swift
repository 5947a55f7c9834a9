/// The name that a client gives one try to rotate (`Idempotency-Key`): a retry repeats it.
package struct AttemptName: Sendable {
    let name: Secret

    /// A name of 16 to 255 visible ASCII characters, in quotes or not (both spellings name the same attempt).
    /// - Returns: nil for any other text.
    package init?(_ header: String) {
        var characters = header.utf8[...]
        if characters.count >= 2, characters.first == UInt8(ascii: "\""), characters.last == UInt8(ascii: "\"") {
            characters = characters.dropFirst().dropLast()
        }
        guard (16...255).contains(characters.count), characters.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        name = Secret(characters)
    }

}

/// What is kept of an attempt's name: 8 bytes of an HMAC that only the presented token's holder can make
/// (``TokenKeys``).
package struct AttemptDigest: Sendable, Hashable {
    package let value: UInt64

    package init(value: UInt64) {
        self.value = value
    }
}
