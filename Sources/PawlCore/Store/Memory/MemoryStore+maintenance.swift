import Synchronization

extension MemoryStore {
    package func takeHousekeepingLease(at now: UnixTime) -> Bool { true }

    package func tryStatements() {}

    package func status() -> DatabaseStatus {
        tables.withLock { tables in
            DatabaseStatus(
                kind: "memory", version: "1", path: nil, bytes: 0, journalBytes: 0, isDurable: false, migrations: [],
                sessions: tables.sessions.count, users: tables.users.count,
                newestTime: (tables.sessions.values.map(\.chain.rotatedAt) + tables.events.suffix(1).map(\.event.at))
                    .max())
        }
    }

    package func findDamage() -> [String] { [] }

    package func oldIdentifiers() -> [OldIdentifier] {
        tables.withLock { tables in
            var old = OldIdentifiers()
            for user in tables.users.values {
                old.look(
                    at: .init(
                        id: user.id.bytes, createdAt: user.createdAt, spelling: user.identifier.spelling,
                        key: user.identifier.text))
            }
            return old.plan { key in tables.users.values.contains { $0.identifier.text == key } }.old
        }
    }

    package func passwordSeals() -> [UInt8: Int] {
        tables.withLock { tables in
            tables.users.values.compactMap(\.password.bytes.first).reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    package func countLiveSessions(turnedIn span: Range<UnixTime>, at now: UnixTime) -> Int {
        tables.withLock { $0.sessions.values.count { $0.isLive(at: now) && span.contains($0.chain.rotatedAt) } }
    }

    package func backup(
        to path: String, progress: @Sendable (BackupProgress) async -> Void
    ) async throws(BackupError) -> BackupSummary {
        throw BackupError("What is in memory alone cannot be backed up.")
    }
}
