extension SessionAuthority {
    /// How long, in seconds, rows outlive their deadline: after lost writes they are what sessions are matched with.
    static let grace: Int64 = 7 * 86400
    static let sliceSize = 500

    /// Tidies one slice of the sessions, and with the first slice of a round the rest.
    /// - Parameter eventRetention: seconds that events are kept.
    /// - Returns: where the next slice begins; nil when a round is over.
    package func housekeep(after cursor: SessionID?, eventRetention: Int64) async throws(StoreError) -> SessionID? {
        let now = clock.now
        if cursor == nil {
            // All of them, but what is written meanwhile comes in between.
            while try await store.deleteThrottles(forgottenAt: now, limit: Self.sliceSize) {}
            try await store.deleteEvents(before: now - eventRetention, limit: 10 * Self.sliceSize)
        }
        let next = try await store.deleteSessions(endedBefore: now - Self.grace, after: cursor, limit: Self.sliceSize)
        if next == nil { metrics.setHousekeepingEnd(now) }
        return next
    }
}
