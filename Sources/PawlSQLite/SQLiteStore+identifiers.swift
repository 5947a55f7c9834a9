import GRDB
import Logging
package import PawlCore
import PawlSQL

extension SQLiteStore {
    package func oldIdentifiers() async throws(StoreError) -> [OldIdentifier] {
        try await read { db in
            let applied = try Migration.status(in: db).filter { $0.appliedAt != nil }.map(\.name)
            guard !applied.isEmpty else { return [] }
            return try OldIdentifiers.plan(in: db, hasKeys: applied.contains(Migration.identifiers)).old
        }
    }
}

extension OldIdentifiers {
    /// Writes the keys that are not their spellings.
    static func bringAlong(in db: Database, _ logger: Logger) throws {
        let (keys, old) = try plan(in: db, hasKeys: true)
        tell(old, logger)
        for (id, key) in keys {
            try db.execute(sql: "UPDATE users SET identifier_key = ? WHERE id = ?", arguments: [key, id.data])
        }
    }

    /// - Parameter hasKeys: whether the table has the columns of `0007-identifiers`.
    static func plan(in db: Database, hasKeys: Bool) throws -> (
        keys: [(id: [UInt8], key: String)], old: [OldIdentifier]
    ) {
        let (key, unique) = hasKeys ? ("identifier_key", UserRow.key) : ("NULL", "identifier")
        var identifiers = OldIdentifiers()
        let rows = try GRDB.Row.fetchCursor(
            db,
            sql: """
                SELECT id, created_at, identifier, \(key) FROM users
                WHERE length(identifier) <> length(CAST(identifier AS BLOB)) OR instr(identifier, '  ') > 0
                """)
        while let row = try rows.next() { identifiers.look(at: OldIdentifiers.Row(row)) }
        return try identifiers.plan { key in
            try GRDB.Row.fetchOne(db, sql: "SELECT 1 FROM users WHERE \(unique) = ?", arguments: [key]) != nil
        }
    }
}
