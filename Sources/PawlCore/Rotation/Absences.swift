import Synchronization

/// When no server ran: no client could come again, so the time counts for no leeway.
package final class Absences: Sendable {
    private let known = Mutex<[ClosedRange<UnixTime>]>([])
    private static let limit = 16

    package init() {}

    /// The last ones, oldest first.
    var spans: [ClosedRange<UnixTime>] { known.withLock { $0 } }

    package func add(_ span: ClosedRange<UnixTime>) {
        known.withLock { known in
            known.append(span)
            if known.count > Self.limit { known.removeFirst() }
        }
    }
}
