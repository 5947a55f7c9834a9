package import PawlCore

/// A table as all SQL stores have it: the names of its columns, in the one order that all statements use, and what they
/// hold. The first column is the primary key.
package struct TableShape: Sendable {
    package enum Kind: Sendable {
        case integer, text, bytes
        /// Sixteen bytes.
        case id
    }

    package let name: String
    package let columns: [(name: String, kind: Kind)]

    package init(name: String, columns: [(name: String, kind: Kind)]) {
        self.name = name
        self.columns = columns
    }

    package init(name: String, _ columns: (some TableColumn).Type) {
        self.init(name: name, columns: columns.allCases.map { ($0.name, $0.kind) })
    }

    package var names: [String] { columns.map(\.name) }
    package var list: String { names.joined(separator: ", ") }
    package var key: String { columns[0].name }

    /// All that an installation is made of, except for the history of its schema and the settings.
    package static let all = [
        UserRow.table, KeyRow.table, SessionRow.table,
        TableShape(name: "events", columns: [("id", .integer)] + EventRow.shape.columns),
        TableShape(
            name: "login_throttle",
            columns: [
                ("key", .bytes), ("failures", .integer), ("last_use", .integer), ("trusted_until", .integer),
                ("under_way", .integer), ("under_way_since", .integer),
            ]),
    ]

    package static let settings = TableShape(name: "settings", columns: [("name", .text), ("value", .text)])

    /// A row of it.
    package func values(_ row: some Columns) -> [ColumnValue] {
        columns.enumerated().map { place, column in
            switch column.kind {
            case .integer: .integer(row.integer(place))
            case .text: .text(row.isNull(place) ? nil : row.text(place))
            case .bytes: .bytes(row.bytes(place))
            case .id: .id(row.isNull(place) ? nil : row.bytes(place))
            }
        }
    }
}

/// Rows in bulk, as they are: to move an installation, and to prepare measurements.
package protocol RowSource: Sendable {
    /// Rows in the order of their keys, after one and up to another, at most `limit`.
    func rows(
        of table: TableShape, after key: ColumnValue?, through last: ColumnValue?, limit: Int
    ) async throws(StoreError) -> [[ColumnValue]]

    func count(of table: TableShape) async throws(StoreError) -> Int
}

package protocol RowStore: RowSource, Store {
    /// Adds rows, or replaces those of the same key; in one transaction.
    func put(_ rows: [[ColumnValue]], into table: TableShape) async throws(StoreError)
}

/// A store that an installation can be moved to. Until the move is complete no server starts on it.
package protocol CopyTarget: RowStore {
    /// - Throws: if the database holds anything that was not moved there.
    func beginMove() async throws(StoreError)
    func remove(_ keys: [ColumnValue], from table: TableShape) async throws(StoreError)
    func endMove() async throws(StoreError)
}
