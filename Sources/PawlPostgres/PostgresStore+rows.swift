package import PawlCore

extension PostgresStore: RowStore {
    package func rows(
        of table: TableShape, after key: ColumnValue?, through last: ColumnValue?, limit: Int
    ) async throws(StoreError) -> [[ColumnValue]] {
        try await run { connection in
            var conditions: [String] = []
            var parameters: [Parameter] = [.integer(Int64(limit))]
            for case (let comparison, let bound?) in [(">", key), ("<=", last)] {
                parameters.append(.value(bound))
                conditions.append("\(table.key) \(comparison) $\(parameters.count)")
            }
            let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
            return try connection.execute(
                "SELECT \(table.list) FROM \(table.name) \(condition) ORDER BY \(table.key) LIMIT $1", parameters
            ).map { table.values($0) }
        }
    }

    package func put(_ rows: [[ColumnValue]], into table: TableShape) async throws(StoreError) {
        guard !rows.isEmpty else { return }
        let changing = table.names.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        _ = try await transaction { connection in
            try connection.insert(rows, into: table, "ON CONFLICT (\(table.key)) DO UPDATE SET \(changing)")
        }
    }
}
