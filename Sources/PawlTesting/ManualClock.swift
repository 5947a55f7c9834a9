public import PawlCore
import Synchronization

/// Time that stands still until a test moves it.
public final class ManualClock: Sendable {
    private struct State {
        var now: UnixTime
        var uptime: Int64 = 0
    }

    private let state: Mutex<State>

    /// A clock that shows 2027-01-15T08:00:00Z.
    public convenience init() { self.init(UnixTime(seconds: 1_800_000_000)) }

    package init(_ start: UnixTime) {
        state = Mutex(State(now: start))
    }

    package var now: UnixTime { state.withLock { $0.now } }

    /// Moves time by so many seconds; back, if negative, as clocks of two machines may.
    public func advance(by seconds: Int64) {
        state.withLock { state in
            state.now = state.now + seconds
            state.uptime += seconds
        }
    }

    /// Sets the clock so many seconds ahead, or back if negative, without time passing.
    public func jump(by seconds: Int64) { state.withLock { $0.now = $0.now + seconds } }

    /// What the code under test reads.
    public var clock: WallClock {
        WallClock {
            self.now
        } uptime: {
            self.state.withLock { $0.uptime }
        }
    }
}
