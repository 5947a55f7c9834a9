package import PawlCore

/// The columns of a signing key in the one order that all statements of all SQL stores use.
package enum KeyRow {
    package static let table = TableShape(
        name: "signing_keys",
        columns: [
            ("id", .text), ("algorithm", .text), ("seal", .bytes), ("created_at", .integer), ("activates_at", .integer),
        ])
    package static let names = table.names
    package static let list = table.list

    package static func decode(_ row: some Columns) -> SealedSigningKey {
        SealedSigningKey(
            id: row.text(0), algorithm: row.text(1), seal: row.bytes(2), createdAt: row.time(3),
            activatesAt: row.time(4))
    }

    package static func values(_ key: SealedSigningKey) -> [ColumnValue] {
        [.text(key.id), .text(key.algorithm), .bytes(key.seal), .init(key.createdAt), .init(key.activatesAt)]
    }
}
