import Logging
import Synchronization

/// How far housekeeping has come with each table.
package struct HousekeepingRound: Sendable {
    fileprivate enum Walk<Key: Sendable>: Sendable {
        /// Goes on after the last key looked at; nil before the first.
        case goesOn(after: Key?)
        case isOver

        init(after key: Key?) { self = key == nil ? .isOver : .goesOn(after: key) }

        var isOver: Bool { if case .isOver = self { true } else { false } }
    }

    /// Whether it has begun and is not over.
    package fileprivate(set) var isUnderWay = false
    fileprivate var sessions = Walk<SessionID>.goesOn(after: nil)
    fileprivate var throttles = Walk<[UInt8]>.goesOn(after: nil)
    fileprivate var hasOldEvents = true
    /// What deadlines are compared with before anything is deleted.
    fileprivate var time = UnixTime(seconds: 0)
    /// How many of the sessions looked at were live.
    fileprivate var live = 0

    package init() {}
}

extension SessionAuthority {
    /// How long, in seconds, rows outlive their deadline: after lost writes they are what sessions are matched with.
    static let grace: Int64 = 7 * 86400
    static let housekeepingSlice = 500

    /// Tidies one slice of each table, on one node at a time.
    /// - Parameters:
    ///   - round: a new one begins if none is under way.
    ///   - eventRetention: seconds that events are kept.
    package func housekeep(_ round: inout HousekeepingRound, eventRetention: Int64) async throws(StoreError) {
        let (now, limit) = (clock.now, Self.housekeepingSlice)
        guard try await store.mayKeepHouse(at: now) else {
            round = HousekeepingRound()
            _ = housekeepingPace.elapsed(until: clock.uptime)  // the node that keeps house counts this time
            return
        }
        if !round.isUnderWay {
            round = HousekeepingRound()
            round.isUnderWay = true
            round.time = try await housekeepingTime(at: now)
        }
        if case .goesOn(let key) = round.throttles {
            round.throttles = .init(
                after: try await store.deleteThrottles(forgottenAt: round.time, after: key, limit: limit))
        }
        if round.hasOldEvents {
            round.hasOldEvents = try await store.deleteEvents(before: round.time - eventRetention, limit: limit)
        }
        if case .goesOn(let cursor) = round.sessions {
            let slice = try await store.deleteSessions(
                endedBefore: round.time - Self.grace, after: cursor, limit: limit, at: now)
            round.sessions = .init(after: slice.cursor)
            round.live += slice.live
        }
        guard round.sessions.isOver, round.throttles.isOver, !round.hasOldEvents else { return }
        round.isUnderWay = false
        metrics.setHousekeepingEnd(now, activeSessions: round.live)
    }

    /// The time that rows are deleted by. It is the clock's, unless that has jumped: a wrong clock must not delete what
    /// nobody can bring back.
    private func housekeepingTime(at now: UnixTime) async throws(StoreError) -> UnixTime {
        let elapsed = housekeepingPace.elapsed(until: clock.uptime)
        let record = try await changeRecovery { record in
            record.keepHouse(at: now, elapsed: elapsed)
            return []
        }
        let time = min(record.housekeepingTime ?? now, now)
        let lag = now.age(since: time)
        if housekeepingPace.hasChanged(isBehind: lag > Self.tellingLag) {
            if lag > Self.tellingLag {
                logger.warning(
                    """
                    The clock has gone ahead by more than the time that has passed. Rows are deleted later, so that \
                    nothing is lost if it is wrong: look at the clock
                    """,
                    metadata: ["event": "clock_jumped", "clock": "\(now.rfc3339)", "deleting_by": "\(time.rfc3339)"])
            } else {
                logger.notice("Rows are deleted by the clock's time again", metadata: ["event": "clock_followed"])
            }
        }
        return time
    }

    /// Seconds that housekeeping is behind the clock from which on this is told.
    static let tellingLag: Int64 = 86400
}

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

    /// Whether that is news.
    func hasChanged(isBehind: Bool) -> Bool {
        state.withLock { state in
            defer { state.isBehind = isBehind }
            return state.isBehind != isBehind
        }
    }
}
