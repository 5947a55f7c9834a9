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
            return
        }
        if !round.isUnderWay {
            round = HousekeepingRound()
            round.isUnderWay = true
        }
        if case .goesOn(let key) = round.throttles {
            round.throttles = .init(
                after: try await store.deleteThrottles(forgottenAt: now, after: key, limit: limit))
        }
        if round.hasOldEvents {
            round.hasOldEvents = try await store.deleteEvents(before: now - eventRetention, limit: limit)
        }
        if case .goesOn(let cursor) = round.sessions {
            let slice = try await store.deleteSessions(
                endedBefore: now - Self.grace, after: cursor, limit: limit, at: now)
            round.sessions = .init(after: slice.cursor)
            round.live += slice.live
        }
        guard round.sessions.isOver, round.throttles.isOver, !round.hasOldEvents else { return }
        round.isUnderWay = false
        metrics.setHousekeepingEnd(now, activeSessions: round.live)
    }
}
