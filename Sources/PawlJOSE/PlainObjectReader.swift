/// Reads JSON to the letter (RFC 8259) and makes nothing of it. Foundation's decoder looks at a value only when it is
/// asked for, and so takes texts that are no JSON where nobody asks.
struct PlainObjectReader {
    private let bytes: [UInt8]
    private let limit: Int
    private var place = 0
    private var depth = 0
    private var names: Set<ArraySlice<UInt8>> = []

    init(_ bytes: [UInt8], depth limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    mutating func isPlainObject() -> Bool {
        guard next == UInt8(ascii: "{"), value() else { return false }
        return place == bytes.count
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        place += 1
        return true
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let end = place + word.utf8CodeUnitCount
        guard end <= bytes.count, bytes[place..<end].elementsEqual(word.description.utf8) else { return false }
        place = end
        return true
    }

    /// A value with the space around it.
    private mutating func value() -> Bool {
        skipSpace()
        let isGood =
            switch next {
            case UInt8(ascii: "{"): list(until: UInt8(ascii: "}")) { $0.member() }
            case UInt8(ascii: "["): list(until: UInt8(ascii: "]")) { $0.value() }
            case UInt8(ascii: "\""): string() != nil
            case UInt8(ascii: "t"): take("true")
            case UInt8(ascii: "f"): take("false")
            case UInt8(ascii: "n"): take("null")
            default: number()
            }
        skipSpace()
        return isGood
    }

    private mutating func list(until end: UInt8, of element: (inout Self) -> Bool) -> Bool {
        place += 1
        depth += 1
        defer { depth -= 1 }
        guard depth <= limit else { return false }
        skipSpace()
        if take(end) { return true }
        repeat {
            guard element(&self) else { return false }
        } while take(UInt8(ascii: ","))
        return take(end)
    }

    private mutating func member() -> Bool {
        skipSpace()
        guard let (name, isEscaped) = string(), depth > 1 || (!isEscaped && names.insert(name).inserted) else {
            return false
        }
        skipSpace()
        return take(UInt8(ascii: ":")) && value()
    }

    private mutating func string() -> (content: ArraySlice<UInt8>, isEscaped: Bool)? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = place
        var isEscaped = false
        while let byte = next, byte >= 0x20 {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return (bytes[start..<(place - 1)], isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                guard escape() else { return nil }
            default: break
            }
        }
        return nil
    }

    private mutating func escape() -> Bool {
        guard let kind = next else { return false }
        place += 1
        switch kind {
        case UInt8(ascii: "u"):
            for _ in 0..<4 {
                guard let digit = next, Character(UnicodeScalar(digit)).isHexDigit else { return false }
                place += 1
            }
            return true
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        default: return false
        }
    }

    private mutating func number() -> Bool {
        _ = take(UInt8(ascii: "-"))
        guard take(UInt8(ascii: "0")) || digits() else { return false }
        if take(UInt8(ascii: ".")) {
            guard digits() else { return false }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            guard digits() else { return false }
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = place
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
        return place > start
    }
}
