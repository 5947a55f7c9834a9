import PawlCore

/// A bound value, in PostgreSQL's binary format. Rows are bound by columns, as arrays: a statement can then work on many.
enum Parameter: Sendable {
    case value(ColumnValue)
    case values([ColumnValue], of: TableShape.Kind)
    case number(Int32)

    static func integer(_ value: Int64?) -> Self { .value(.integer(value)) }
    static func time(_ value: UnixTime) -> Self { .value(.integer(value.seconds)) }
    static func text(_ value: String?) -> Self { .value(.text(value)) }
    static func bytes(_ value: [UInt8]) -> Self { .value(.bytes(value)) }
    static func id(_ value: some RandomID) -> Self { .value(.id(value.bytes)) }
    static func ids(_ values: [some RandomID]) -> Self { .values(values.map { .id($0.bytes) }, of: .id) }

    var type: UInt32 {
        switch self {
        case .value(let value): value.kind.type
        case .values(_, let kind): kind.arrayType
        case .number: 23
        }
    }

    /// Nil for NULL.
    var bytes: [UInt8]? {
        switch self {
        case .value(let value): return value.wire
        case .number(let number): return number.wire
        case .values(let values, let kind):
            // One dimension, whether there are NULLs, the type; the length and the first index; the values.
            var bytes = Int32(1).wire + Int32(1).wire + Int32(bitPattern: kind.type).wire
            bytes += Int32(values.count).wire + Int32(1).wire
            for value in values {
                if let wire = value.wire {
                    bytes += Int32(wire.count).wire
                    bytes += wire
                } else {
                    bytes += Int32(-1).wire
                }
            }
            return bytes
        }
    }
}

/// The types of columns, by their numbers in PostgreSQL's catalogue, which never change.
extension TableShape.Kind {
    var type: UInt32 {
        switch self {
        case .integer: 20
        case .text: 25
        case .bytes: 17
        case .id: 2950
        }
    }

    /// The type of an array of them.
    var arrayType: UInt32 {
        switch self {
        case .integer: 1016
        case .text: 1009
        case .bytes: 1001
        case .id: 2951
        }
    }

    var typeName: String {
        switch self {
        case .integer: "bigint"
        case .text: "text"
        case .bytes: "bytea"
        case .id: "uuid"
        }
    }
}

extension ColumnValue {
    var kind: TableShape.Kind {
        switch self {
        case .integer: .integer
        case .text: .text
        case .bytes: .bytes
        case .id: .id
        }
    }

    fileprivate var wire: [UInt8]? {
        switch self {
        case .integer(let value): value.map { bigEndian(UInt64(bitPattern: $0), count: 8) }
        case .text(let text): text.map(Self.storable)
        case .bytes(let bytes): bytes
        case .id(let bytes): bytes
        }
    }

    /// PostgreSQL's text cannot hold U+0000, and one such character must not fail what shares its statement.
    private static func storable(_ text: String) -> [UInt8] {
        let bytes = [UInt8](text.utf8)
        guard bytes.contains(0) else { return bytes }
        return [UInt8](text.replacing("\0", with: "\u{FFFD}").utf8)
    }
}

extension Int32 {
    fileprivate var wire: [UInt8] { PawlCore.bigEndian(UInt64(UInt32(bitPattern: self)), count: 4) }
}
