/// A value as RFC 8259 reads it, by a reader that shares nothing with the code under test.
indirect enum JSONValue: Equatable {
    struct Member: Equatable {
        /// As it stands between the quotes.
        let name: [UInt8]
        let value: JSONValue
    }

    case object([Member])
    case array([JSONValue])
    /// UTF-16, because an escape may be half of a pair.
    case string([UInt16])
    case number(Double)
    case boolean(Bool)
    case null

    var depth: Int {
        switch self {
        case .object(let members): 1 + (members.map(\.value.depth).max() ?? 0)
        case .array(let values): 1 + (values.map(\.depth).max() ?? 0)
        case .string, .number, .boolean, .null: 0
        }
    }

    fileprivate var isPlainObject: Bool {
        guard case .object(let members) = self else { return false }
        return depth <= 8 && Set(members.map(\.name)).count == members.count
            && !members.contains { $0.name.contains(UInt8(ascii: "\\")) }
    }

    /// A member of an object with different names; nil as well for `null`.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        let value = members.first { $0.name.elementsEqual(name.utf8) }?.value
        return value == .null ? nil : value
    }

    /// Nil if it is no text, or holds half a pair.
    var text: String? {
        guard case .string(let units) = self else { return nil }
        return String(validating: units, as: UTF16.self)
    }

    var texts: [String]? {
        guard case .array(let values) = self else { return nil }
        let texts = values.compactMap(\.text)
        return texts.count == values.count ? texts : nil
    }

    var number: Double? {
        guard case .number(let number) = self else { return nil }
        return number
    }
}

struct JSONJudge {
    private var rest: ArraySlice<UInt8>
    private var depth = 0

    /// Deeper values are not told from malformed ones.
    private static let deepest = 64

    private init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// What ``JSONText/isPlainObject(_:depth:)`` takes: a plain object with nothing before it.
    static func plainObject(_ bytes: [UInt8]) -> JSONValue? {
        guard bytes.first == UInt8(ascii: "{"), let value = read(bytes), value.isPlainObject else { return nil }
        return value
    }

    /// The value that `bytes` are, all of them.
    private static func read(_ bytes: [UInt8]) -> JSONValue? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var judge = Self(bytes)
        guard let value = judge.value(), judge.rest.isEmpty else { return nil }
        return value
    }

    private mutating func skipSpace() { rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) } }

    private mutating func take(_ text: StaticString) -> Bool {
        let text = text.description.utf8
        guard rest.starts(with: text) else { return false }
        rest = rest.dropFirst(text.count)
        return true
    }

    private mutating func value() -> JSONValue? {
        skipSpace()
        defer { skipSpace() }
        switch rest.first {
        case UInt8(ascii: "{"): return nested { $0.object() }
        case UInt8(ascii: "["): return nested { $0.array() }
        case UInt8(ascii: "\""): return string().map { .string($0.units) }
        case UInt8(ascii: "t"): return take("true") ? .boolean(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .boolean(false) : nil
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func nested(_ read: (inout Self) -> JSONValue?) -> JSONValue? {
        depth += 1
        defer { depth -= 1 }
        return depth <= Self.deepest ? read(&self) : nil
    }

    private mutating func object() -> JSONValue? {
        _ = take("{")
        skipSpace()
        if take("}") { return .object([]) }
        var members: [JSONValue.Member] = []
        repeat {
            skipSpace()
            guard let name = string() else { return nil }
            skipSpace()
            guard take(":"), let value = value() else { return nil }
            members.append(.init(name: name.raw, value: value))
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array() -> JSONValue? {
        _ = take("[")
        skipSpace()
        if take("]") { return .array([]) }
        var values: [JSONValue] = []
        repeat {
            guard let value = value() else { return nil }
            values.append(value)
        } while take(",")
        return take("]") ? .array(values) : nil
    }

    private mutating func string() -> (raw: [UInt8], units: [UInt16])? {
        guard take("\"") else { return nil }
        let start = rest
        var units: [UInt16] = []
        while let byte = rest.first, byte >= 0x20 {
            if take("\"") { return ([UInt8](start[..<(rest.startIndex - 1)]), units) }
            if take("\\") {
                guard let unit = escape() else { return nil }
                units.append(unit)
            } else {
                let plain = rest.prefix { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
                units += String(decoding: plain, as: UTF8.self).utf16
                rest = rest.dropFirst(plain.count)
            }
        }
        return nil
    }

    private mutating func escape() -> UInt16? {
        guard let kind = rest.popFirst() else { return nil }
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(kind)
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"):
            let digits = rest.prefix(4)
            rest = rest.dropFirst(4)
            guard digits.count == 4, !digits.contains(UInt8(ascii: "+")), !digits.contains(UInt8(ascii: "-")) else {
                return nil
            }
            return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        default: return nil
        }
    }

    private mutating func number() -> JSONValue? {
        let text = rest.prefix { "+-.0123456789eE".utf8.contains($0) }
        rest = rest.dropFirst(text.count)
        // What `Double` reads of these characters, less what RFC 8259 §6 does not know: `.5`, `+1`, `01` and `1.`.
        let isDigit = { (byte: UInt8?) in byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false }
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
        guard isDigit(digits.first), digits.first != UInt8(ascii: "0") || !isDigit(digits.dropFirst().first),
            isDigit(digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).last?.first)
        else { return nil }
        return Double(String(decoding: text, as: UTF8.self)).map { .number($0) }
    }
}
