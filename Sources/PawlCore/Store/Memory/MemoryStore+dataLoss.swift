import Synchronization

extension MemoryStore {
    package func dataLossRecord() -> DataLossRecord { tables.withLock { $0.recovery } }

    package func updateDataLossRecord(_ change: @Sendable (inout DataLossRecord) -> [Event]) -> DataLossRecord {
        tables.withLock { tables in
            for event in change(&tables.recovery) { tables.record(event) }
            return tables.recovery
        }
    }

    package func countDataLoss(since start: UnixTime, at now: UnixTime) -> DataLossCount {
        tables.withLock { tables in
            let sessions = tables.sessions.values
            func isRecovered(_ session: Session) -> Bool { session.chain.recoveredAt.map { $0 >= start } ?? false }
            return DataLossCount(
                recovered: sessions.count(where: isRecovered),
                lost: sessions.count { session in
                    session.ending.map { $0.reason == .lost && $0.at >= start } ?? false
                },
                silent: sessions.count { $0.canEnd(at: now) && $0.chain.rotatedAt <= start && !isRecovered($0) })
        }
    }
}
