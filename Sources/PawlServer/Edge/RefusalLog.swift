import PawlCore
import Synchronization

/// Decides which refused requests get a line in the log: the first of each kind, then one a minute, with the number of
/// requests since the last line. So a flood of requests does not flood the log.
final class RefusalLog: Sendable {
    private struct Window {
        var lastLine: UnixTime
        var count = 0
    }

    private static let seconds: Int64 = 60

    private let windows = Mutex<[PawlMetrics.RefusedRequest: Window]>([:])

    /// - Returns: the number of requests that the line stands for, this one included; nil if no line is due.
    func note(_ refusal: PawlMetrics.RefusedRequest, at now: UnixTime) -> Int? {
        windows.withLock { windows in
            let window = windows[refusal]
            let count = (window?.count ?? 0) + 1
            // A clock that was set back must not silence the log.
            if let window, now >= window.lastLine, now.age(since: window.lastLine) < Self.seconds {
                windows[refusal]?.count = count
                return nil
            }
            windows[refusal] = Window(lastLine: now)
            return count
        }
    }
}
