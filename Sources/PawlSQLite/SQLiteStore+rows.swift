import Foundation
import GRDB
package import PawlCore
package import PawlSQL

extension SQLiteStore: RowStore {
    package func rows(
        of table: TableShape, after key: ColumnValue?, through last: ColumnValue?, limit: Int
    ) async throws(StoreError) -> [[ColumnValue]] {
        try await read { db in try table.rows(after: key, through: last, limit: limit, in: db) }
    }

    package func count(of table: TableShape) async throws(StoreError) -> Int {
        try await read { db in try Self.count(table.name, in: db) }
    }

    package func put(_ rows: [[ColumnValue]], into table: TableShape) async throws(StoreError) {
        try await write { db in
            let sql = "INSERT OR REPLACE INTO \(table.name) (\(table.list)) VALUES (\(Self.placeholders(table.names)))"
            for row in rows { try db.execute(sql: sql, arguments: StatementArguments(row)) }
        }
    }
}

/// A database that a server serves, for reading beside it. It never writes and never checkpoints.
package struct ServedSQLite: RowSource {
    private let queue: DatabaseQueue

    package init(path: String) throws {
        let path = URL(filePath: path).resolvingSymlinksInPath().path
        try DatabaseFiles(of: path).check()
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read(SQLiteStore.checkIsCurrent)
        } catch let error as DatabaseError {
            throw SQLiteStoreError("Cannot read \(path). \(StoreError.text(of: error))")
        }
    }

    package func rows(
        of table: TableShape, after key: ColumnValue?, through last: ColumnValue?, limit: Int
    ) async throws(StoreError) -> [[ColumnValue]] {
        try await read { db in try table.rows(after: key, through: last, limit: limit, in: db) }
    }

    package func count(of table: TableShape) async throws(StoreError) -> Int {
        try await read { db in try SQLiteStore.count(table.name, in: db) }
    }

    private func read<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await queue.read(work)
        } catch {
            throw StoreError(hiding: error)
        }
    }
}

extension TableShape {
    fileprivate func rows(
        after key: ColumnValue?, through last: ColumnValue?, limit: Int, in db: Database
    ) throws -> [[ColumnValue]] {
        var conditions: [String] = []
        var arguments: [ColumnValue] = []
        for case (let comparison, let bound?) in [(">", key), ("<=", last)] {
            conditions.append("\(self.key) \(comparison) ?")
            arguments.append(bound)
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return try Row.fetchAll(
            db, sql: "SELECT \(list) FROM \(name) \(condition) ORDER BY \(self.key) LIMIT \(limit)",
            arguments: StatementArguments(arguments)
        ).map { values($0) }
    }
}
