import Synchronization

/// Measures the time between rounds of housekeeping on a clock that nobody can set.
final class HousekeepingPace: Sendable {
    private struct State {
        var last: Int64
        var isBehind = false
    }

    private let state: Mutex<State>

    init(since uptime: Int64) {
        state = Mutex(State(last: uptime))
    }

    /// Seconds since the last call.
    func elapsed(until uptime: Int64) -> Int64 {
        state.withLock { state in
            defer { state.last = uptime }
            return uptime - state.last
        }
    }

    /// Records the state; returns whether it differs from the last one.
    func hasChanged(isBehind: Bool) -> Bool {
        state.withLock { state in
            defer { state.isBehind = isBehind }
            return state.isBehind != isBehind
        }
    }
}
