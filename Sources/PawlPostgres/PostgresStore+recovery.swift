package import PawlCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension PostgresStore {
    /// Reads the database's clock as well, since every node asks for this record each second.
    package func dataLossRecord() async throws(StoreError) -> DataLossRecord {
        try await run { [time] connection in try Self.readRecovery(on: connection, time) }
    }

    static func readRecovery(on connection: Connection, _ time: DatabaseTime) throws -> DataLossRecord {
        let row = try time.read(
            on: connection,
            """
            SELECT extract(epoch FROM clock_timestamp())::text, (SELECT value FROM settings WHERE name = 'recovery')
            """
        ).first
        return try decode(row.flatMap { $0.isNull(1) ? nil : $0.text(1) })
    }

    package func updateDataLossRecord(
        _ change: @escaping @Sendable (inout DataLossRecord) -> [Event]
    ) async throws(StoreError) -> DataLossRecord {
        try await transaction { connection in
            // There must be a row to lock.
            let empty = try Self.encode(DataLossRecord())
            try connection.execute(
                "INSERT INTO settings (name, value) VALUES ('recovery', $1) ON CONFLICT (name) DO NOTHING",
                [.text(empty)])
            var record = try Self.decode(
                connection.execute("SELECT value FROM settings WHERE name = 'recovery' FOR UPDATE").first?.text(0))
            for event in change(&record) { try Self.insert(event, on: connection) }
            try connection.execute(
                "UPDATE settings SET value = $1 WHERE name = 'recovery'", [.text(try Self.encode(record))])
            return record
        }
    }

    package func countDataLoss(since start: UnixTime, at now: UnixTime) async throws(StoreError) -> DataLossCount {
        try await readPatiently { connection in
            let row = try connection.execute(
                """
                SELECT count(*) FILTER (WHERE recovered_at >= $1),
                    count(*) FILTER (WHERE end_reason = 'lost' AND ended_at >= $1),
                    count(*) FILTER (WHERE ended_at IS NULL AND absolute_expires_at > $2 AND rotated_at <= $1
                        AND coalesce(recovered_at < $1, true))
                FROM sessions
                """, [.time(start), .time(now)]
            ).first
            let counts = (0..<3).map { Int(row?.integer($0) ?? 0) }
            return DataLossCount(recovered: counts[0], lost: counts[1], silent: counts[2])
        }
    }

    private static func encode(_ record: DataLossRecord) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    private static func decode(_ text: String?) throws -> DataLossRecord {
        guard let text else { return DataLossRecord() }
        do {
            return try JSONDecoder().decode(DataLossRecord.self, from: Data(text.utf8))
        } catch {
            throw StoreError("The record of lost writes cannot be read.")
        }
    }
}
