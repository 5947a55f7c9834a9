/// Base64url without padding (RFC 4648 §5), strict: one spelling for each sequence of bytes.
///
/// Written here because it is on the path of every refresh and every token check, and because `Data`'s decoder takes
/// padding, white space and non-canonical last characters, which RFC 8725bis §3.14 wants refused. The loops are over
/// arrays: over any collection, in another module, each byte would cost a call.
package enum Base64URL {
    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// The ASCII characters for `bytes`, appended to `output`.
    package static func encode(_ bytes: some Collection<UInt8>, into output: inout [UInt8]) {
        encode([UInt8](bytes), into: &output)
    }

    package static func encode(_ bytes: [UInt8], into output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count * 4 + 2) / 3)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                output.append(alphabet[Int(buffer >> UInt32(bits) & 0x3F)])
            }
        }
        if bits > 0 {
            output.append(alphabet[Int(buffer << UInt32(6 - bits) & 0x3F)])
        }
    }

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        var output: [UInt8] = []
        encode([UInt8](bytes), into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes that `characters` stand for, or nil if a character is not of the alphabet or the spelling is not the
    /// canonical one (a length that no encoder makes, or bits set beyond the last byte).
    package static func decode(_ characters: some Collection<UInt8>) -> [UInt8]? {
        decode([UInt8](characters))
    }

    package static func decode(_ characters: [UInt8]) -> [UInt8]? {
        let count = characters.count
        guard count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(count * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for character in characters {
            let value = values[Int(character)]
            guard value != 0xFF else { return nil }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        guard buffer & (1 << UInt32(bits) - 1) == 0 else { return nil }
        return output
    }
}
