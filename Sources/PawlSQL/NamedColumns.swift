package import PawlCore

/// The columns of a table in the one order that all statements of all SQL stores use: one case a column.
package protocol TableColumn: CaseIterable, RawRepresentable, Sendable where RawValue == Int {
    var kind: TableShape.Kind { get }
}

extension TableColumn {
    /// The name in SQL: `createdAt` is `created_at`, `attempt1` is `attempt_1`.
    package var name: String {
        var name = ""
        for character in "\(self)" {
            let startsWord = character.isUppercase || character.isNumber
            if startsWord, let last = name.last, last.isLowercase { name.append("_") }
            name.append(character)
        }
        return name.lowercased()
    }

    package static var names: [String] { allCases.map(\.name) }
}

/// A row whose columns are asked for by name.
package struct NamedColumns<Column: TableColumn, Row: Columns> {
    private let row: Row

    package init(_ row: Row, _: Column.Type = Column.self) {
        self.row = row
    }

    package func isNull(_ column: Column) -> Bool { row.isNull(column.rawValue) }
    package func integer(_ column: Column) -> Int64? { row.integer(column.rawValue) }
    /// Empty for NULL.
    package func text(_ column: Column) -> String { row.text(column.rawValue) }
    package func optionalText(_ column: Column) -> String? { isNull(column) ? nil : text(column) }
    /// Empty for NULL.
    package func bytes(_ column: Column) -> [UInt8] { row.bytes(column.rawValue) }
    package func time(_ column: Column) -> UnixTime { row.time(column.rawValue) }
    package func optionalTime(_ column: Column) -> UnixTime? { row.optionalTime(column.rawValue) }
    package func attempt(_ column: Column) -> AttemptDigest? {
        integer(column).map { AttemptDigest(value: UInt64(bitPattern: $0)) }
    }
    package func words(_ column: Column) -> [String] { text(column).split(separator: " ").map(String.init) }
}
