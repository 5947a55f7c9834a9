/// Bytes that must not be seen: printed as `‹redacted›`, compared in constant time, not `Codable`, and with one way
/// out, `exposed`, so that every use can be found.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) {
        self.bytes = [UInt8](bytes)
    }

    /// The bytes themselves. The caller answers for where they go.
    package var exposed: [UInt8] { bytes }

    package static func == (left: Self, right: Self) -> Bool { constantTimeEquals(left.bytes, right.bytes) }

    package var description: String { "‹redacted›" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Whether both are the same bytes, in a time that depends on their lengths alone.
package func constantTimeEquals(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(into: UInt8(0)) { $0 |= $1.0 ^ $1.1 } == 0
}
