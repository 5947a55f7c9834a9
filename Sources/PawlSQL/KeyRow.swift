package import PawlCore

/// The row of a signing key.
package enum KeyRow {
    package enum Column: Int, TableColumn {
        case id, algorithm, seal, createdAt, activatesAt

        package var kind: TableShape.Kind {
            switch self {
            case .id, .algorithm: .text
            case .seal: .bytes
            case .createdAt, .activatesAt: .integer
            }
        }
    }

    package static let table = TableShape(name: "signing_keys", Column.self)
    package static let names = table.names
    package static let list = table.list

    package static func decode(_ row: some Columns) -> SealedSigningKey {
        return SealedSigningKey(
            id: row.text(at(.id)), algorithm: row.text(at(.algorithm)), seal: row.bytes(at(.seal)),
            createdAt: row.time(at(.createdAt)),
            activatesAt: row.time(at(.activatesAt)))
    }

    private static func at(_ column: Column) -> Int { column.rawValue }

    package static func values(_ key: SealedSigningKey) -> [ColumnValue] {
        Column.allCases.map { column in
            switch column {
            case .id: .text(key.id)
            case .algorithm: .text(key.algorithm)
            case .seal: .bytes(key.seal)
            case .createdAt: .init(key.createdAt)
            case .activatesAt: .init(key.activatesAt)
            }
        }
    }
}
