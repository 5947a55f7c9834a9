#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The little of JSON that a general encoder does too slowly or too loosely for tokens.
package enum JSONText {
    private static let hex = [UInt8]("0123456789abcdef".utf8)

    /// Appends `text` as a JSON string, quotes included.
    package static func append(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20:
                output.append(contentsOf: "\\u00".utf8)
                output.append(hex[Int(byte >> 4)])
                output.append(hex[Int(byte & 0xF)])
            default:
                output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    package static func append(_ texts: [String], to output: inout [UInt8]) {
        output.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            append(text, to: &output)
        }
        output.append(UInt8(ascii: "]"))
    }

    /// The value of the only member of `bytes`, if they are an object with one member of this name and its value is a
    /// string of plain ASCII. Nil for all else, that may be a plain object or not.
    package static func onlyString(_ name: StaticString, in bytes: [UInt8]) -> String? {
        var rest = bytes[...]
        func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D } }
        func skip(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            return rest.popFirst() == UInt8(ascii: character)
        }
        func string() -> ArraySlice<UInt8>? {
            guard skip("\"") else { return nil }
            let text = rest.prefix {
                (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
            rest = rest[text.endIndex...]
            return rest.popFirst() == UInt8(ascii: "\"") ? text : nil
        }
        guard bytes.first == UInt8(ascii: "{"), skip("{"), let key = string(), skip(":"), let value = string(),
            skip("}"),
            unsafe key.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        else { return nil }
        skipSpace()
        return rest.isEmpty ? String(decoding: value, as: UTF8.self) : nil
    }

    /// Whether `bytes` are one object in UTF-8 whose top-level names are all different and written plainly (no
    /// escapes), no deeper than `depth`, with nothing before it. Decoders differ in which of two equal names wins
    /// (RFC 8725 §3.7), so such a token is refused before it is decoded; a name with an escape could hide a second one.
    package static func isPlainObject(_ bytes: [UInt8], depth: Int = 8) -> Bool {
        // Decoders guess at other encodings (RFC 8725 §3.7).
        guard String(validating: bytes, as: UTF8.self) != nil else { return false }
        var reader = PlainObjectReader(bytes, depth: depth)
        return reader.isPlainObject()
    }

    /// Bytes that are not one plain object.
    package struct NotPlainObject: Error {}

    /// Decodes a plain object; anything else is refused before a decoder sees it.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        guard isPlainObject(bytes) else { throw NotPlainObject() }
        return try JSONDecoder().decode(type, from: Data(bytes))
    }
}
