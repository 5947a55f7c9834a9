import Logging
package import PawlCore
import PawlSQL

extension PostgresStore {
    package func oldIdentifiers() async throws(StoreError) -> [OldIdentifier] {
        try await readPatiently { connection in
            let applied = try Migration.status(on: connection).filter { $0.appliedAt != nil }.map(\.name)
            guard !applied.isEmpty else { return [] }
            return try OldIdentifiers.plan(on: connection, hasKeys: applied.contains(Migration.identifiers)).old
        }
    }
}

extension OldIdentifiers {
    private static let slice = 1000

    /// Writes the keys that are not their spellings.
    static func bringAlong(on connection: Connection, _ logger: Logger) throws {
        let (keys, old) = try plan(on: connection, hasKeys: true)
        tell(old, logger)
        for (id, key) in keys {
            try connection.execute(
                "UPDATE users SET identifier_key = $1 WHERE id = $2", [.text(key), .value(.id(id))])
        }
    }

    /// - Parameter hasKeys: whether the table has the columns of `0007-identifiers`.
    static func plan(
        on connection: Connection, hasKeys: Bool
    ) throws -> (keys: [(id: [UInt8], key: String)], old: [OldIdentifier]) {
        let (key, unique) = hasKeys ? ("identifier_key", UserRow.key) : ("NULL::text", "identifier")
        var identifiers = OldIdentifiers()
        var last = [UInt8](repeating: 0, count: 16)
        while true {
            let rows = try connection.execute(
                """
                SELECT id, created_at, identifier, \(key) FROM users
                WHERE id > $1 AND (octet_length(identifier) <> char_length(identifier) OR position('  ' IN identifier) > 0)
                ORDER BY id LIMIT $2
                """, [.value(.id(last)), .integer(Int64(slice))]
            ).map { OldIdentifiers.Row($0) }
            for row in rows { identifiers.look(at: row) }
            guard rows.count == slice, let end = rows.last else { break }
            last = end.id
        }
        return try identifiers.plan { key in
            try connection.execute("SELECT 1 FROM users WHERE \(unique) = $1", [.text(key)]).count > 0
        }
    }
}
