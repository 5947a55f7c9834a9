import Synchronization

/// The losses of writes that this process knows, for the policy: no request reads them from the database.
final class KnownLosses: Sendable {
    private struct State {
        var losses: [Incident] = []
        /// The newest heartbeat that the database is known to hold; nil until this process has left one itself.
        var heartbeat: UnixTime?
    }

    private let state = Mutex(State())

    /// Oldest first.
    var losses: [Incident] { state.withLock { $0.losses } }
    var heartbeat: UnixTime? { state.withLock { $0.heartbeat } }

    /// Whether the database has gone back since this process last looked.
    func isOlder(_ record: DataLossRecord) -> Bool {
        guard let known = heartbeat else { return false }
        return record.heartbeat.map { $0 < known } ?? true
    }

    /// - Parameter hasBeaten: whether the record holds a heartbeat of this process.
    /// - Returns: the incidents that are new to it, and the windows that have opened.
    func adopt(_ record: DataLossRecord, hasBeaten: Bool) -> (incidents: [Incident], windows: [Incident]) {
        state.withLock { state in
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
