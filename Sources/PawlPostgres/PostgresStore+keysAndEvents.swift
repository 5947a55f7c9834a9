package import PawlCore
import PawlSQL

extension PostgresStore {
    package func signingKeys() async throws(StoreError) -> [SealedSigningKey] {
        try await run { connection in
            try connection.execute("SELECT \(KeyRow.list) FROM signing_keys").map { KeyRow.decode($0) }
        }
    }

    package func addSigningKey(
        _ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event
    ) async throws(StoreError) -> Bool {
        try await transaction { connection in
            try AdvisoryLock.keys.take(on: connection)
            let stored = try connection.execute("SELECT id FROM signing_keys").map { $0.text(0) }
            guard Set(stored) == known else { return false }
            try connection.insert([KeyRow.values(key)], into: KeyRow.table)
            try Self.insert(event, on: connection)
            return true
        }
    }

    package func resealSigningKey(_ key: SealedSigningKey) async throws(StoreError) {
        try await write(
            "UPDATE signing_keys SET seal = $1 WHERE id = $2", [.bytes(key.seal), .text(key.id)])
    }

    package func deleteSigningKey(_ id: String, _ event: Event) async throws(StoreError) {
        try await transaction { connection in
            let deleted = try connection.execute("DELETE FROM signing_keys WHERE id = $1", [.text(id)])
            if deleted.affected == 1 { try Self.insert(event, on: connection) }
        }
    }

    package func append(_ event: Event) async throws(StoreError) {
        try await transaction { connection in try Self.insert(event, on: connection) }
    }

    package func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event] {
        guard !kinds.isEmpty, limit > 0 else { return [] }
        return try await run { connection in
            // Newest first, and not much further back than asked: but for clocks that were wrong, events are in the order
            // of time, and in no index of it.
            var found: [Event] = []
            var next = Int64.max
            while true {
                let rows = try connection.execute(
                    "SELECT \(EventRow.list), id FROM events WHERE id < $1 ORDER BY id DESC LIMIT 500",
                    [.integer(next)])
                var isOlder = true
                for row in rows {
                    next = row.integer(EventRow.names.count) ?? 0
                    guard row.time(EventRow.Column.at.rawValue) >= start else { continue }
                    isOlder = false
                    guard let event = try EventRow.decode(row), kinds.contains(event.kind) else { continue }
                    found.append(event)
                    if found.count == limit { return found.reversed() }
                }
                if isOlder { return found.reversed() }
            }
        }
    }

    package func endings(
        after id: Int64, limit: Int, unless isKnown: @escaping @Sendable (Int64) -> Bool
    ) async throws(StoreError) -> Endings {
        try await run { connection in
            // First, so that no event in between is passed over.
            let newest = try connection.execute("SELECT max(id) FROM events").first?.integer(0) ?? 0
            let numbers = try connection.execute(
                """
                SELECT id FROM events
                WHERE id > $1 AND kind IN ('session_ended', 'session_reused') ORDER BY id LIMIT $2
                """, [.integer(id), .integer(Int64(limit))]
            ).compactMap { $0.integer(0) }
            let fresh = numbers.filter { !isKnown($0) }
            let events =
                fresh.isEmpty
                ? []
                : try Self.recorded(
                    connection.execute(
                        "SELECT \(EventRow.list), id FROM events WHERE id = ANY ($1) ORDER BY id",
                        [.values(fresh.map { .integer($0) }, of: .integer)]))
            return Endings(events: events, newest: newest, next: numbers.count == limit ? numbers.last : nil)
        }
    }

    /// Numbers are given out before their transactions commit, so a lower one could appear after a higher one was read,
    /// and a reader who follows them would miss it. Hence the lock: once a reader holds it, all numbers given out are there to be seen.
    package func events(after id: Int64, limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try time.check()
        let last: Int64
        do {
            last = try await pool.transaction { connection in
                // Others that record wait behind this lock, so it must not wait for long itself.
                try connection.execute("SET LOCAL lock_timeout = 200")
                try AdvisoryLock.events.take(on: connection)
                return try connection.execute("SELECT max(id) FROM events").first?.integer(0) ?? 0
            }
        } catch let error as PostgresError where error.isLockTimeout {
            return []  // the next look finds them
        } catch {
            throw StoreError(hiding: error)
        }
        guard last > id else { return [] }
        return try await run { connection in
            try Self.recorded(
                connection.execute(
                    "SELECT \(EventRow.list), id FROM events WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
                    [.integer(id), .integer(last), .integer(Int64(limit))]))
        }
    }

    package func latestEvents(limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await run { connection in
            try Self.recorded(
                connection.execute(
                    "SELECT \(EventRow.list), id FROM events ORDER BY id DESC LIMIT $1", [.integer(Int64(limit))])
            ).reversed()
        }
    }

    package func masterSecretChanges(limit: Int) async throws(StoreError) -> [Event] {
        try await run { connection in
            try connection.execute(
                "SELECT \(EventRow.list) FROM events WHERE kind = 'master_secret_changed' ORDER BY id DESC LIMIT $1",
                [.integer(Int64(limit))]
            ).reversed().compactMap { try EventRow.decode($0) }
        }
    }

    private static func recorded(_ rows: Rows) throws -> [RecordedEvent] {
        try rows.map { row in
            try EventRow.decode(row).map { RecordedEvent(id: row.integer(EventRow.names.count) ?? 0, event: $0) }
        }.compactMap(\.self)
    }

    package func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError) -> Bool {
        try await write(
            """
            DELETE FROM events WHERE at < $1 AND id IN (
                SELECT id FROM events WHERE kind <> 'master_secret_changed'
                ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
            """, [.time(cutoff), .integer(Int64(limit))]) == limit
    }

    static func insert(_ event: Event, on connection: Connection) throws { try insert([event], on: connection) }

    /// Events of which no two are one (``Event/coalescingKey``).
    /// - Parameter save: counters that the same statement saves.
    static func insert(_ events: [Event], with save: Save? = nil, on connection: Connection) throws {
        let rows = try events.map { try EventRow.values($0) }
        let columns = EventRow.shape.columns
        let arrays = EventRow.shape.arrays(from: (save?.parameters.count ?? 0) + 1)
        // Take the lock before numbers are assigned: see events(after:limit:).
        try connection.execute(
            """
            WITH \(save.map { "counters AS (\($0.sql)), " } ?? "")turnstile AS MATERIALIZED (
                SELECT pg_advisory_xact_lock_shared(\(AdvisoryLock.space), \(AdvisoryLock.events.rawValue)))
            INSERT INTO events (\(EventRow.list)) SELECT event.* FROM turnstile, unnest(\(arrays)) AS event
            ON CONFLICT (sum) WHERE sum IS NOT NULL DO UPDATE SET details = (events.details::jsonb
                || jsonb_build_object('count', (coalesce(events.details::jsonb ->> 'count', '1')::bigint + 1)::text))::text
            """,
            (save?.parameters ?? [])
                + columns.indices.map { place in .values(rows.map { $0[place] }, of: columns[place].kind) })
    }
}
