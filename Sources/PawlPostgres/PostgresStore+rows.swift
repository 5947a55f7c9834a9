package import PawlCore
package import PawlSQL

extension PostgresStore: CopyTarget {
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
        _ = try await transaction { connection in
            try connection.insert(rows, into: table, table.replacing)
        }
    }

    package func count(of table: TableShape) async throws(StoreError) -> Int {
        try await readPatiently { connection in
            Int(try connection.execute("SELECT count(*) FROM \(table.name)").first?.integer(0) ?? 0)
        }
    }

    package func remove(_ keys: [ColumnValue], from table: TableShape) async throws(StoreError) {
        guard !keys.isEmpty else { return }
        try await write(
            "DELETE FROM \(table.name) WHERE \(table.key) = ANY ($1)", [.values(keys, of: table.columns[0].kind)])
    }

    package func beginMove() async throws(StoreError) {
        try await transaction { connection in
            if try Self.isBeingMoved(on: connection) { return }
            for table in [UserRow.table, KeyRow.table, SessionRow.table] {
                let rows = try connection.execute("SELECT 1 FROM \(table.name) LIMIT 1")
                guard rows.count == 0 else {
                    throw StoreError(
                        "The database holds an installation already (\(table.name)). Move to an empty one.")
                }
            }
            try connection.execute("INSERT INTO settings (name, value) VALUES ('moving', 'yes')")
        }
    }

    package func endMove() async throws(StoreError) {
        try await transaction { connection in
            // The numbers of events go on after those that came along.
            try connection.execute(
                """
                SELECT setval(pg_get_serial_sequence('events', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM events), false)
                """)
            try connection.execute("DELETE FROM settings WHERE name = 'moving'")
        }
    }

    static func isBeingMoved(on connection: Connection) throws -> Bool {
        try connection.execute("SELECT 1 FROM settings WHERE name = 'moving'").count > 0
    }
}
