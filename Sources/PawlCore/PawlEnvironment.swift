package import Logging

/// What all of the core works with: the store, the time, and where to tell what happens.
package final class PawlEnvironment: Sendable {
    package let store: any Store
    package let clock: WallClock
    package let randomness: Randomness
    package let settings: LiveSettings.Current
    package let metrics: PawlMetrics
    package let logger: Logger
    let ended = EndedSessions()
    package let absences = Absences()

    package init(
        store: any Store, settings: LiveSettings.Current, clock: WallClock? = nil, randomness: Randomness = .system,
        metrics: PawlMetrics = .init(), logger: Logger
    ) {
        self.store = store
        self.settings = settings
        self.clock = clock ?? store.clock
        self.randomness = randomness
        self.metrics = metrics
        self.logger = logger
    }

    /// Remembers, counts and logs what a change recorded, after its commit.
    func publish(_ events: [Event]) {
        for event in events {
            if let session = event.session, let reason = event.endReason {
                ended.insert(session, reason, of: event.subject)
                metrics.countEnded(reason)
            }
            logger.log(event)
        }
    }

    /// Runs a store's function; its failure is 503 for the client and a line in the log.
    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(SessionError) -> Value {
        do {
            return try await work()
        } catch {
            logger.error("The store failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }
}
