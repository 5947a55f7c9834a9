import Synchronization

/// The losses of writes that this process knows, for the policy: no request reads them from the database.
final class KnownLosses: Sendable {
    private struct State {
        var losses: [Incident] = []
        /// How far the record has followed the clock, and when by the uptime that was.
        var housekeepingTime: UnixTime?
        var deadlineTime: UnixTime?
        var readAt: Int64 = 0
        /// The newest heartbeat that the database is known to hold; nil until this process has left one itself.
        var heartbeat: UnixTime?
    }

    private let state = Mutex(State())

    /// Oldest first.
    var losses: [Incident] { state.withLock { $0.losses } }
    var heartbeat: UnixTime? { state.withLock { $0.heartbeat } }

    /// By how much the clock has jumped ahead and is not followed yet, in seconds.
    func jump(at now: UnixTime, uptime: Int64) -> Int64 {
        state.withLock { state in
            let followed = DataLossRecord.catchUp * max(0, uptime - state.readAt)
            return DataLossRecord.jump(from: state.housekeepingTime.map { $0 + followed }, to: now)
        }
    }

    /// From when idle times are counted.
    func deadlineTime(at now: UnixTime, uptime: Int64) -> UnixTime {
        state.withLock { state in
            max(now, state.deadlineTime.map { $0 + max(0, uptime - state.readAt) } ?? now)
        }
    }

    /// Whether the database has gone back since this process last looked.
    func isOlder(_ record: DataLossRecord) -> Bool {
        guard let known = heartbeat else { return false }
        return record.heartbeat.map { $0 < known } ?? true
    }

    /// - Parameter hasBeaten: whether the record holds a heartbeat of this process.
    /// - Returns: the incidents that are new to it, and the windows that have opened.
    func adopt(
        _ record: DataLossRecord, hasBeaten: Bool, uptime: Int64
    ) -> (incidents: [Incident], windows: [Incident]) {
        state.withLock { state in
            // Between two heartbeats the record says the same: what was reckoned on from it stays.
            if (record.housekeepingTime, record.deadlineTime) != (state.housekeepingTime, state.deadlineTime) {
                (state.housekeepingTime, state.deadlineTime) = (record.housekeepingTime, record.deadlineTime)
                state.readAt = uptime
            }
            if hasBeaten || state.heartbeat != nil { state.heartbeat = record.heartbeat }
            let known = state.losses
            state.losses = record.incidents
            return (
                record.incidents.filter { new in !known.contains { $0.number == new.number } },
                record.incidents.filter { new in
                    new.openedAt != nil && !known.contains { $0.number == new.number && $0.openedAt == new.openedAt }
                }
            )
        }
    }
}
