/// The sessions that were ended, here or by other servers on the same database, so that their access tokens are refused.
package struct Revocations: Sendable {
    let environment: PawlEnvironment

    /// Learns which sessions other servers have ended; call it every second or so.
    package func follow() async throws(StoreError) {
        // Clocks differ a little, and commits take a moment; sessions already in the list are skipped.
        try await load(inLast: 15)
    }

    /// Fills the list from the record of what happened in the last `seconds`.
    func load(inLast seconds: Int64) async throws(StoreError) {
        let events = try await environment.store.events(
            since: environment.clock.now - seconds, kinds: [.sessionEnded, .sessionReused], limit: 100_000)
        for event in events {
            if let session = event.session, let reason = event.endReason {
                environment.ended.insert(session, reason, of: event.subject)
            }
        }
    }
}
