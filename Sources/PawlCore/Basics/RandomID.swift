/// Sixteen bytes that name a session; written as 32 hexadecimal digits.
package struct SessionID: Hashable, Comparable, Sendable, RandomID {
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }

    /// 48 bits of time, then 80 random ones: neighbours in time are neighbours in the table, which keeps its pages
    /// full and lets housekeeping meet the oldest first; what must not be guessed is the token's secret, not the id.
    package init(at time: UnixTime, randomness: Randomness) {
        bytes = bigEndian(UInt64(bitPattern: time.seconds) &* 1000, count: 6) + randomness.bytes(10)
    }
}

/// Sixteen random bytes that name a user in tokens (`sub`): it says nothing about who they are.
package struct SubjectID: Hashable, Comparable, Sendable, RandomID {
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }

    package init(randomness: Randomness) {
        bytes = randomness.bytes(Self.length)
    }
}

/// What both kinds of id share.
package protocol RandomID: CustomStringConvertible {
    var bytes: [UInt8] { get }
    init?(bytes: [UInt8])
}

extension RandomID {
    package static var length: Int { 16 }

    package init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text), let id = Self(bytes: bytes) else { return nil }
        self = id
    }

    package var description: String { Hex.encode(bytes) }

    package static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

package enum Hex {
    private static let digits = [UInt8]("0123456789abcdef".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0xF)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Lower-case digits only: one spelling for each id.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let values = text.utf8.compactMap { digits.firstIndex(of: $0) }
        guard values.count == text.utf8.count, values.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }
}

package func bigEndian(_ value: UInt64, count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
}

package func integer(bigEndian bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
}
