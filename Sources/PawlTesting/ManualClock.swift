public import PawlCore
import Synchronization

/// Time that stands still until a test moves it.
public final class ManualClock: Sendable {
    private let time: Mutex<UnixTime>

    public init(_ start: UnixTime = UnixTime(seconds: 1_800_000_000)) {
        time = Mutex(start)
    }

    public var now: UnixTime { time.withLock { $0 } }

    /// Moves time by so many seconds; back, if negative, as clocks of two machines may.
    public func advance(by seconds: Int64) { time.withLock { $0 = $0 + seconds } }

    /// What the code under test reads.
    public var clock: Clock { Clock { self.now } }
}
