import PawlCore
import PawlSQL

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

    /// Appends the value to what is sent.
    /// - Returns: false for NULL, which is nothing.
    func write(to message: inout [UInt8]) -> Bool {
        switch self {
        case .value(let value):
            return value.write(to: &message)
        case .number(let number):
            message.append(bigEndian: number)
        case .values(let values, let kind):
            // One dimension, whether there are NULLs, the type; the length and the first index; the values.
            message.append(bigEndian: Int32(1))
            message.append(bigEndian: Int32(1))
            message.append(bigEndian: kind.type)
            message.append(bigEndian: Int32(values.count))
            message.append(bigEndian: Int32(1))
            for value in values {
                let place = message.count
                message.append(bigEndian: Int32(-1))
                guard value.write(to: &message) else { continue }
                message.set(bigEndian: Int32(message.count - place - 4), at: place)
            }
        }
        return true
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

    fileprivate func write(to message: inout [UInt8]) -> Bool {
        switch self {
        case .integer(let value?): message.append(bigEndian: value)
        case .text(let text?): message.append(storable: text)
        case .bytes(let bytes), .id(let bytes?): message += bytes
        case .integer(nil), .text(nil), .id(nil): return false
        }
        return true
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
        let value = value.bigEndian
        unsafe Swift.withUnsafeBytes(of: value) { unsafe append(contentsOf: $0) }
    }

    fileprivate mutating func set(bigEndian value: Int32, at place: Int) {
        for offset in 0..<4 { self[place + offset] = UInt8(truncatingIfNeeded: value >> (8 * (3 - offset))) }
    }

    /// PostgreSQL's text cannot hold U+0000, and one such character must not fail what shares its statement.
    fileprivate mutating func append(storable text: String) {
        let start = count
        append(contentsOf: text.utf8)
        if self[start...].contains(0) {
            removeSubrange(start...)
            append(contentsOf: text.replacing("\0", with: "\u{FFFD}").utf8)
        }
    }
}
