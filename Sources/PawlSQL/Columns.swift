package import PawlCore

/// A row by the place of its columns, as SQL stores read it.
package protocol Columns {
    func isNull(_ index: Int) -> Bool
    func integer(_ index: Int) -> Int64?
    /// Empty for NULL.
    func text(_ index: Int) -> String
    /// Empty for NULL.
    func bytes(_ index: Int) -> [UInt8]
}

extension Columns {
    package func time(_ index: Int) -> UnixTime { optionalTime(index) ?? UnixTime(seconds: 0) }
    /// Within the years that can be written and reckoned with, whatever a disk has made of it.
    package func optionalTime(_ index: Int) -> UnixTime? {
        integer(index).map { UnixTime(seconds: min(max($0, 0), 253_402_300_799)) }
    }
    package func optionalText(_ index: Int) -> String? { isNull(index) ? nil : text(index) }
    package func attempt(_ index: Int) -> AttemptDigest? {
        integer(index).map { AttemptDigest(value: UInt64(bitPattern: $0)) }
    }
    package func words(_ index: Int) -> [String] { text(index).split(separator: " ").map(String.init) }
}

/// What SQL stores put into a column.
package enum ColumnValue: Sendable, Hashable {
    case integer(Int64?)
    case text(String?)
    case bytes([UInt8])
    /// Sixteen bytes.
    case id([UInt8]?)

    package init(_ id: (some RandomID)?) { self = .id(id?.bytes) }
    package init(_ time: UnixTime?) { self = .integer(time?.seconds) }
    package init(_ words: [String]) { self = .text(words.joined(separator: " ")) }
}

extension AttemptDigest? {
    package var column: Int64? { map { Int64(bitPattern: $0.value) } }
}
