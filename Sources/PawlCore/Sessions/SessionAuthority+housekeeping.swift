/// How far a walk over all sessions has come.
package struct HousekeepingRound: Sendable {
    /// The last session looked at; nil before the first and after the last.
    package fileprivate(set) var cursor: SessionID?
    /// How many of those looked at were live.
    fileprivate var live = 0

    package init() {}
}

extension SessionAuthority {
    /// How long, in seconds, rows outlive their deadline: after lost writes they are what sessions are matched with.
    static let grace: Int64 = 7 * 86400
    static let sliceSize = 500

    /// Tidies one slice of the sessions, and with the first slice of a round the rest; on one node at a time.
    /// - Parameters:
    ///   - round: without a cursor, a new one begins; it is over when it has none afterwards.
    ///   - eventRetention: seconds that events are kept.
    package func housekeep(_ round: inout HousekeepingRound, eventRetention: Int64) async throws(StoreError) {
        let now = clock.now
        guard try await store.mayKeepHouse(at: now) else {
            round = HousekeepingRound()
            return
        }
        if round.cursor == nil {
            round = HousekeepingRound()
            // All of them, but what is written meanwhile comes in between.
            while try await store.deleteThrottles(forgottenAt: now, limit: Self.sliceSize) {}
            try await store.deleteEvents(before: now - eventRetention, limit: 10 * Self.sliceSize)
        }
        let slice = try await store.deleteSessions(
            endedBefore: now - Self.grace, after: round.cursor, limit: Self.sliceSize, at: now)
        round.cursor = slice.cursor
        round.live += slice.live
        if round.cursor == nil { metrics.setHousekeepingEnd(now, activeSessions: round.live) }
    }
}
