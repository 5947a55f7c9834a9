import GRDB
package import PawlCore
import PawlSQL

extension SQLiteStore {
    package func signingKeys() async throws(StoreError) -> [SealedSigningKey] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT \(KeyRow.list) FROM signing_keys").map { KeyRow.decode($0) }
        }
    }

    package func addSigningKey(
        _ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event
    ) async throws(StoreError) -> Bool {
        try await write { db in
            guard try Set(String.fetchAll(db, sql: "SELECT id FROM signing_keys")) == known else { return false }
            try db.execute(
                sql: "INSERT INTO signing_keys (\(KeyRow.list)) VALUES (\(Self.placeholders(KeyRow.names)))",
                arguments: StatementArguments(KeyRow.values(key)))
            try Self.insert(event, in: db)
            return true
        }
    }

    package func resealSigningKey(_ key: SealedSigningKey) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "UPDATE signing_keys SET seal = ? WHERE id = ?", arguments: [key.seal.data, key.id])
        }
    }

    package func deleteSigningKey(_ id: String, _ event: Event) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "DELETE FROM signing_keys WHERE id = ?", arguments: [id])
            if db.changesCount == 1 { try Self.insert(event, in: db) }
        }
    }

    package func append(_ event: Event) async throws(StoreError) {
        try await write { db in try Self.insert(event, in: db) }
    }

    package func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event] {
        try await read { db in
            // Newest first, and not much further back than asked: but for clocks that were wrong, events are in the order
            // of time, and in no index of it.
            var (found, older): ([Event], Int) = ([], 0)
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(EventRow.list) FROM events ORDER BY id DESC")
            while found.count < limit, older < Self.olderEvents, let row = try rows.next() {
                guard row.time(EventRow.Column.at.rawValue) >= start else {
                    older += 1
                    continue
                }
                guard let event = try EventRow.decode(row), kinds.contains(event.kind) else { continue }
                found.append(event)
            }
            return found.reversed()
        }
    }

    /// After so many events from before, all are.
    private static let olderEvents = 500

    package func endings(
        after id: Int64, limit: Int, unless isKnown: @escaping @Sendable (Int64) -> Bool
    ) async throws(StoreError) -> Endings {
        try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT \(EventRow.list), id FROM events
                    WHERE id > ? AND kind IN ('session_ended', 'session_reused') ORDER BY id LIMIT ?
                    """, arguments: [id, limit])
            var (events, count, last): ([RecordedEvent], Int, Int64?) = ([], 0, nil)
            while let row = try rows.next() {
                count += 1
                last = row.integer(EventRow.names.count)
                if let last, !isKnown(last) { events += try Self.recorded([row]) }
            }
            return Endings(
                events: events, newest: try Int64.fetchOne(db, sql: "SELECT max(id) FROM events") ?? 0,
                next: count == limit ? last : nil)
        }
    }

    package func events(after id: Int64, limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await read { db in
            try Self.recorded(
                Row.fetchAll(
                    db, sql: "SELECT \(EventRow.list), id FROM events WHERE id > ? ORDER BY id LIMIT ?",
                    arguments: [id, limit]))
        }
    }

    package func latestEvents(limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await read { db in
            try Self.recorded(
                Row.fetchAll(
                    db, sql: "SELECT \(EventRow.list), id FROM events ORDER BY id DESC LIMIT ?", arguments: [limit]
                ).reversed())
        }
    }

    package func masterSecretChanges(limit: Int) async throws(StoreError) -> [Event] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(EventRow.list) FROM events WHERE kind = 'master_secret_changed' ORDER BY id DESC LIMIT ?
                    """, arguments: [limit]
            ).reversed().compactMap { try EventRow.decode($0) }
        }
    }

    private static func recorded(_ rows: some Sequence<Row>) throws -> [RecordedEvent] {
        try rows.compactMap { row in
            try EventRow.decode(row).map { RecordedEvent(id: row.integer(EventRow.names.count) ?? 0, event: $0) }
        }
    }

    package func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError) -> Bool {
        let hasOld = try await read { db in
            let oldest = try Int64.fetchOne(
                db, sql: "SELECT at FROM events WHERE kind <> 'master_secret_changed' ORDER BY id LIMIT 1")
            return oldest.map { $0 < cutoff.seconds } ?? false
        }
        guard hasOld else { return false }
        return try await write { db in
            try db.execute(
                sql: """
                    DELETE FROM events WHERE at < ?2 AND id IN (
                        SELECT id FROM events WHERE kind <> 'master_secret_changed' ORDER BY id LIMIT ?1)
                    """,
                arguments: [limit, cutoff.seconds])
            return db.changesCount == limit
        }
    }

    static func insert(_ event: Event, in db: Database) throws {
        // Cached: there may be one for each of many sessions.
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO events (\(EventRow.list)) VALUES (\(placeholders(EventRow.names)))
                ON CONFLICT (sum) WHERE sum IS NOT NULL
                DO UPDATE SET details = json_set(details, '$.count', CAST(ifnull(details ->> 'count', 1) + 1 AS TEXT))
                """)
        try statement.execute(arguments: StatementArguments(try EventRow.values(event)))
    }

    /// A question mark for each value.
    static func placeholders(_ values: [some Any]) -> String { values.map { _ in "?" }.joined(separator: ", ") }
}
