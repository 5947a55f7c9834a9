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

    /// Whether `bytes` are one object whose top-level names are all different and written plainly (no escapes), no
    /// deeper than `depth`. Decoders differ in which of two equal names wins (RFC 8725 §3.7), so such a token is
    /// refused before it is decoded; a name with an escape could hide a second one.
    package static func isPlainObject(_ bytes: [UInt8], depth limit: Int = 8) -> Bool {
        guard !bytes.contains(0) else { return false }  // decoders take it for UTF-16 or UTF-32 (RFC 8725 §3.7)
        var names: Set<ArraySlice<UInt8>> = []
        var depth = 0
        var expectsName = false
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"):
                depth += 1
                expectsName = depth == 1
                guard depth <= limit else { return false }
            case UInt8(ascii: "["):
                depth += 1
                guard depth <= limit, depth > 1 else { return false }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                guard depth >= 0 else { return false }
            case UInt8(ascii: ","):
                expectsName = depth == 1
            case UInt8(ascii: "\""):
                let start = index + 1
                var end = start
                var escaped = false
                while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
                    if bytes[end] == UInt8(ascii: "\\") {
                        escaped = true
                        end += 1
                    }
                    end += 1
                }
                guard end < bytes.count else { return false }
                if expectsName {
                    guard !escaped, names.insert(bytes[start..<end]).inserted else { return false }
                    expectsName = false
                }
                index = end
            default:
                break
            }
            index += 1
        }
        return depth == 0 && bytes.first == UInt8(ascii: "{")
    }
}
