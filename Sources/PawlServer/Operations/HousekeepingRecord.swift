import PawlCore
import Synchronization

/// When housekeeping last finished and last failed.
final class HousekeepingRecord: Sendable {
    private struct State {
        var finishedAt: UnixTime?
        var failedAt: UnixTime?
    }

    private let state = Mutex(State())

    var finishedAt: UnixTime? { state.withLock { $0.finishedAt } }
    var failedAt: UnixTime? { state.withLock { $0.failedAt } }

    func finish(at now: UnixTime) { state.withLock { $0 = State(finishedAt: now) } }
    func fail(at now: UnixTime) { state.withLock { $0.failedAt = now } }
}
