import Foundation
import GRDB
public import PawlCore

extension SQLiteStore {
    public func signingKeys() async throws(StoreError) -> [SealedSigningKey] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT id, algorithm, seal, created_at, activates_at FROM signing_keys").map {
                row in
                SealedSigningKey(
                    id: row.text(0), algorithm: row.text(1), seal: row.bytes(2), createdAt: row.time(3),
                    activatesAt: row.time(4))
            }
        }
    }

    public func insert(_ key: SealedSigningKey, _ event: Event) async throws(StoreError) {
        try await write { db in
            try db.execute(
                sql:
                    "INSERT INTO signing_keys (id, algorithm, seal, created_at, activates_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    key.id, key.algorithm, key.seal.data, key.createdAt.seconds, key.activatesAt.seconds,
                ])
            try Self.insert(event, in: db)
        }
    }

    public func reseal(_ key: SealedSigningKey) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "UPDATE signing_keys SET seal = ? WHERE id = ?", arguments: [key.seal.data, key.id])
        }
    }

    public func deleteSigningKey(_ id: String, _ event: Event) async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "DELETE FROM signing_keys WHERE id = ?", arguments: [id])
            if db.changesCount == 1 { try Self.insert(event, in: db) }
        }
    }

    public func append(_ event: Event) async throws(StoreError) {
        try await write { db in try Self.insert(event, in: db) }
    }

    public func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event] {
        try await read { db in
            // Newest first, and no further back than asked: events are in the order of time, and in no index.
            var found: [Event] = []
            let rows = try Row.fetchCursor(
                db, sql: "SELECT \(Self.eventColumns) FROM events ORDER BY id DESC")
            while found.count < limit, let row = try rows.next(), row.time(0) >= start {
                guard let event = try Self.decodeEvent(row), kinds.contains(event.kind) else { continue }
                found.append(event)
            }
            return found.reversed()
        }
    }

    public func events(after id: Int64, limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await read { db in
            try Self.recorded(
                Row.fetchAll(
                    db, sql: "SELECT \(Self.eventColumns), id FROM events WHERE id > ? ORDER BY id LIMIT ?",
                    arguments: [id, limit]))
        }
    }

    public func latestEvents(limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await read { db in
            try Self.recorded(
                Row.fetchAll(
                    db, sql: "SELECT \(Self.eventColumns), id FROM events ORDER BY id DESC LIMIT ?", arguments: [limit]
                ).reversed())
        }
    }

    private static func recorded(_ rows: some Sequence<Row>) throws -> [RecordedEvent] {
        try rows.compactMap { row in try decodeEvent(row).map { RecordedEvent(id: row.integer(7) ?? 0, event: $0) } }
    }

    private static let eventColumns = "at, kind, subject, session, ip, user_agent, details"

    public func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError) {
        try await write { db in
            try db.execute(
                sql: "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?) AND at < ?",
                arguments: [limit, cutoff.seconds])
        }
    }

    static func insert(_ event: Event, in db: Database) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try db.execute(
            sql: """
                INSERT INTO events (\(eventColumns), sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (sum) WHERE sum IS NOT NULL
                DO UPDATE SET details = json_set(details, '$.count', CAST(ifnull(details ->> 'count', 1) + 1 AS TEXT))
                """,
            arguments: [
                event.at.seconds, event.kind.rawValue, event.subject?.data, event.session?.data, event.origin?.address,
                event.origin?.userAgent, String(decoding: try encoder.encode(event.details), as: UTF8.self),
                event.sum,
            ])
    }

    /// Nil for a kind that a newer version wrote.
    private static func decodeEvent(_ row: Row) throws -> Event? {
        guard let kind = Event.Kind(rawValue: row.text(1)) else { return nil }
        let address = String.fromDatabaseValue(row[4])
        return Event(
            kind, at: row.time(0), subject: SubjectID(bytes: row.bytes(2)), session: SessionID(bytes: row.bytes(3)),
            origin: address.map { Origin(address: $0, userAgent: row.text(5)) },
            details: try JSONDecoder().decode([String: String].self, from: Data(row.text(6).utf8)))
    }
}
