/// Keeps the record of what happened. Atomic and durable like ``SessionStore``.
///
/// If a stored event has the same ``Event/coalescingKey``, an event adds no row: it raises the `count` of the other.
package protocol EventStore: Sendable {
    func append(_ event: Event) async throws(StoreError)
    /// Events at or after `start`, of these kinds: the newest `limit` of them, oldest first.
    func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event]
    /// Events in the order of their numbers, after `id`, at most `limit`.
    func events(after id: Int64, limit: Int) async throws(StoreError) -> [RecordedEvent]
    /// The newest `limit` events, oldest first.
    func latestEvents(limit: Int) async throws(StoreError) -> [RecordedEvent]
    /// The ends of sessions among the events after `id`, in the order of their numbers, at most `limit`; as far as they can
    /// be seen now: a lower number may appear after a higher one.
    /// - Parameter isKnown: whether an event need not be read, by its number.
    /// - Returns: with the highest number of any event, 0 if there is none, and the last number that was looked at.
    func endings(
        after id: Int64, limit: Int, unless isKnown: @escaping @Sendable (Int64) -> Bool
    ) async throws(StoreError) -> Endings
    /// The changes of the master secret, oldest first: the newest `limit` of them.
    func masterSecretChanges(limit: Int) async throws(StoreError) -> [Event]
    /// Deletes those of the oldest `limit` events that are from before `cutoff`, but for changes of the master secret: as
    /// long as there is a token, they tell which secret signed it.
    /// - Returns: whether there may be more of them.
    @discardableResult
    func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError) -> Bool
}

/// Ends of sessions that were recorded.
package struct Endings: Sendable {
    package let events: [RecordedEvent]
    /// The highest number of any event.
    package let newest: Int64
    /// The number of the last one that was looked at, if the limit was reached; else nil.
    package let next: Int64?

    package init(events: [RecordedEvent], newest: Int64, next: Int64?) {
        self.events = events
        self.newest = newest
        self.next = next
    }
}

/// An event with its number: rising, never used twice.
package struct RecordedEvent: Sendable, Equatable {
    package let id: Int64
    package let event: Event

    package init(id: Int64, event: Event) {
        self.id = id
        self.event = event
    }
}
