package import PawlCore
import PawlSQL

extension PostgresStore {
    /// Seconds that one node keeps house after it has asked to.
    private static let lease: Int64 = 60

    package func takeHousekeepingLease(at now: UnixTime) async throws(StoreError) -> Bool {
        // An end that is more than another lease away was set by a clock that was wrong.
        try await write(
            """
            INSERT INTO settings (name, value) VALUES ('housekeeping', $1 || ' ' || $2::text)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            WHERE split_part(settings.value, ' ', 1) = $1 OR split_part(settings.value, ' ', 2)::bigint <= $3
                OR split_part(settings.value, ' ', 2)::bigint > $2 + $4
            """, [.text(node), .time(now + Self.lease), .time(now), .integer(Self.lease)]) == 1
    }

    package func status() async throws(StoreError) -> DatabaseStatus {
        try await readPatiently { connection in
            let migrations = try Migration.status(on: connection)
            let hasTables = migrations.allSatisfy { $0.appliedAt != nil }
            let row = try connection.execute(
                """
                SELECT current_setting('server_version'), pg_database_size(current_database()),
                    (current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
                        AND current_setting('synchronous_commit') <> 'off')::int::bigint
                """
            ).first
            let counts =
                hasTables
                ? try connection.execute(
                    """
                    SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM users),
                        greatest((SELECT at FROM events ORDER BY id DESC LIMIT 1),
                            (SELECT greatest(created_at, rotated_at) FROM sessions ORDER BY id DESC LIMIT 1))
                    """
                ).first : nil
            return DatabaseStatus(
                kind: "PostgreSQL", version: row?.text(0) ?? "", path: nil, bytes: row?.integer(1) ?? 0,
                journalBytes: 0, isDurable: row?.integer(2) == 1, migrations: migrations,
                sessions: Int(counts?.integer(0) ?? 0), users: Int(counts?.integer(1) ?? 0),
                newestTime: counts?.optionalTime(2))
        }
    }

    /// Checks that every row can be read. Pages are for PostgreSQL's own tools (`pg_amcheck`, checksums).
    package func findDamage() async throws(StoreError) -> [String] {
        var cursor: SessionID?
        repeat {
            do {
                cursor = try await run { [cursor] connection in
                    try Self.fetchSlice(after: cursor, limit: 1000, on: connection).last?.id
                }
            } catch {
                return [error.description]
            }
        } while cursor != nil && !Task.isCancelled
        return []
    }

    package func passwordSeals() async throws(StoreError) -> [UInt8: Int] {
        try await run { connection in
            let rows = try connection.execute(
                "SELECT substr(password, 1, 1), count(*) FROM users WHERE password <> '' GROUP BY 1")
            return Dictionary(
                rows.map { ($0.bytes(0).first ?? 0, Int($0.integer(1) ?? 0)) }, uniquingKeysWith: +)
        }
    }

    package func countLiveSessions(turnedIn span: Range<UnixTime>, at now: UnixTime) async throws(StoreError) -> Int {
        try await readPatiently { connection in
            let count = try connection.execute(
                """
                SELECT count(*) FROM sessions WHERE rotated_at >= $1 AND rotated_at < $2 AND ended_at IS NULL
                    AND idle_expires_at > $3 AND absolute_expires_at > $3
                """, [.time(span.lowerBound), .time(span.upperBound), .time(now)])
            return Int(count.first?.integer(0) ?? 0)
        }
    }

    package func backup(
        to path: String, progress: @Sendable (BackupProgress) async -> Void
    ) async throws(BackupError) -> BackupSummary {
        throw BackupError(
            "PostgreSQL makes its own backups, on its own machine: see \"Backup\" in docs/high-availability.md.")
    }
}
