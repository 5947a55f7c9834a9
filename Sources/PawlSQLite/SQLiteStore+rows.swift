import GRDB
package import PawlCore

extension SQLiteStore: RowStore {
    package func rows(
        of table: TableShape, after key: ColumnValue?, through last: ColumnValue?, limit: Int
    ) async throws(StoreError) -> [[ColumnValue]] {
        try await read { db in
            var conditions: [String] = []
            var arguments: [ColumnValue] = []
            for case (let comparison, let bound?) in [(">", key), ("<=", last)] {
                conditions.append("\(table.key) \(comparison) ?")
                arguments.append(bound)
            }
            let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
            return try Row.fetchAll(
                db, sql: "SELECT \(table.list) FROM \(table.name) \(condition) ORDER BY \(table.key) LIMIT \(limit)",
                arguments: StatementArguments(arguments)
            ).map { table.values($0) }
        }
    }

    package func put(_ rows: [[ColumnValue]], into table: TableShape) async throws(StoreError) {
        try await write { db in
            let sql = "INSERT OR REPLACE INTO \(table.name) (\(table.list)) VALUES (\(Self.placeholders(table.names)))"
            for row in rows { try db.execute(sql: sql, arguments: StatementArguments(row)) }
        }
    }
}
