import Foundation
import GRDB
package import PawlCore

extension SQLiteStore {
    package func dataLossRecord() async throws(StoreError) -> DataLossRecord {
        try await read { db in try Self.fetchRecovery(in: db) }
    }

    package func updateDataLossRecord(
        _ change: @escaping @Sendable (inout DataLossRecord) -> [Event]
    ) async throws(StoreError) -> DataLossRecord {
        try await write { db in
            var record = try Self.fetchRecovery(in: db)
            for event in change(&record) { try Self.insert(event, in: db) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            try db.execute(
                sql: "INSERT OR REPLACE INTO settings (name, value) VALUES ('recovery', ?)",
                arguments: [String(decoding: try encoder.encode(record), as: UTF8.self)])
            return record
        }
    }

    package func countDataLoss(since start: UnixTime, at now: UnixTime) async throws(StoreError) -> DataLossCount {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT sum(recovered_at >= ?1), sum(end_reason = 'lost' AND ended_at >= ?1),
                        sum(ended_at IS NULL AND absolute_expires_at > ?2 AND rotated_at <= ?1
                            AND ifnull(recovered_at < ?1, TRUE))
                    FROM sessions
                    """, arguments: [start.seconds, now.seconds])
            let counts = (0..<3).map { Int(row?.integer($0) ?? 0) }
            return DataLossCount(recovered: counts[0], lost: counts[1], silent: counts[2])
        }
    }

    private static func fetchRecovery(in db: Database) throws -> DataLossRecord {
        guard let text = try String.fetchOne(db, sql: "SELECT value FROM settings WHERE name = 'recovery'") else {
            return DataLossRecord()
        }
        do {
            return try JSONDecoder().decode(DataLossRecord.self, from: Data(text.utf8))
        } catch {
            throw StoreError("The record of lost writes cannot be read.")
        }
    }
}
