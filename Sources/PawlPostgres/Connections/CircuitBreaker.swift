import Synchronization

/// Whether the database can be reached. While it cannot, whatever asks for it fails at once, and one try at a time, each
/// a little later than the last, looks whether it is back.
final class CircuitBreaker: Sendable {
    private struct State {
        /// Since when the database is away; nil while it is there.
        var awaySince: ContinuousClock.Instant?
        var isTrying = false
        var failures = 0
        var nextTry = ContinuousClock.now
        var reason = ""
        /// The newest last.
        var outages: [Range<ContinuousClock.Instant>] = []
        /// Connections that were good when they were last used.
        var connections = 0

        /// Clients come again each few seconds at most, so that failures with little time between them are one outage.
        mutating func add(_ outage: Range<ContinuousClock.Instant>) {
            if let last = outages.last, outage.lowerBound <= last.upperBound + CircuitBreaker.pauseInOutage {
                let start = min(last.lowerBound, outage.lowerBound)
                outages[outages.count - 1] = start..<max(last.upperBound, outage.upperBound)
                return
            }
            outages.append(outage)
            if outages.count > CircuitBreaker.rememberedOutages { outages.removeFirst() }
        }
    }

    private let state = Mutex(State())

    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(1)
    private static let rememberedOutages = 16
    private static let pauseInOutage = Duration.seconds(5)

    /// Asks to connect.
    /// - Throws: if the database is away and it is not yet time, or another try is under way.
    func beginTry() throws(PostgresError) {
        let reason: String? = state.withLock { state in
            guard state.awaySince != nil else { return nil }
            guard !state.isTrying, .now >= state.nextTry else { return state.reason }
            state.isTrying = true
            return nil
        }
        if let reason { throw PostgresError(.away, reason) }
    }

    /// A connection was made: an outage, if there was one, is over.
    func connect() {
        state.withLock { state in
            state.connections += 1
            state.isTrying = false
            state.failures = 0
            guard let start = state.awaySince else { return }
            state.awaySince = nil
            state.add(start..<max(start, .now))
        }
    }

    /// A connection could not be made.
    /// - Returns: whether the database is away. It is not while other connections are good: then it takes no more.
    func fail(_ error: PostgresError) -> Bool {
        state.withLock { state in
            state.isTrying = false
            guard state.connections == 0 else { return false }
            state.reason = error.description
            state.awaySince = state.awaySince ?? .now
            state.failures += 1
            // Jitter, so that many nodes do not come back in step.
            let pause = min(Self.longestPause, Self.firstPause * (1 << min(state.failures, 6)))
            state.nextTry = .now + pause * Double.random(in: 0.5...1)
            return true
        }
    }

    /// A connection broke, in something that began at `start`, or a part of the database that is behind it did: for
    /// each client, the database was away.
    /// - Parameter reason: what those are told that ask before it is back.
    func lose(since start: ContinuousClock.Instant, _ reason: String) {
        state.withLock { state in
            state.reason = reason
            state.connections -= 1
            state.add(start..<max(start, .now))
            // With the last one the outage begins, which may be over with the next try.
            if state.connections == 0, state.awaySince == nil { state.awaySince = start }
        }
    }

    /// A connection was closed that is not needed any more.
    func release() { state.withLock { $0.connections -= 1 } }

    /// How much of the last `seconds` the database was away, in seconds, rounded up.
    func awayTime(inLast seconds: Int64) -> Int64 {
        let now = ContinuousClock.now
        let start = now - .seconds(seconds)
        let away = state.withLock { state in
            state.outages.reduce(Duration.zero) { sum, outage in
                sum + max(.zero, outage.upperBound - max(outage.lowerBound, start))
            }
        }
        return away.components.seconds + (away.components.attoseconds > 0 ? 1 : 0)
    }
}
