/// Keeps the signing keys, sealed. Atomic and durable like ``SessionStore``.
public protocol KeyStore: Sendable {
    func signingKeys() async throws(StoreError) -> [SealedSigningKey]
    /// Adds a key and the event, if the stored keys are still those that the caller knows: of several nodes that find a
    /// new one due, one makes it.
    /// - Parameter known: their ids.
    /// - Returns: whether it did.
    func insert(
        _ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event
    ) async throws(StoreError) -> Bool
    /// Replaces the seal of the key of the same id, if there still is one.
    func reseal(_ key: SealedSigningKey) async throws(StoreError)
    /// Deletes a key and records the event, if there still is such a key.
    func deleteSigningKey(_ id: String, _ event: Event) async throws(StoreError)
}

/// Keeps the record of what happened. Atomic and durable like ``SessionStore``.
///
/// An event whose ``Event/sum`` another has already is no new one, however it comes to the store: it raises the count of
/// the other.
public protocol EventStore: Sendable {
    func append(_ event: Event) async throws(StoreError)
    /// Events at or after `start`, of these kinds: the newest `limit` of them, oldest first.
    func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event]
    /// Events in the order of their numbers, after `id`, at most `limit`.
    func events(after id: Int64, limit: Int) async throws(StoreError) -> [RecordedEvent]
    /// The newest `limit` events, oldest first.
    func latestEvents(limit: Int) async throws(StoreError) -> [RecordedEvent]
    /// Deletes those of the oldest `limit` events that are from before `cutoff`.
    /// - Returns: whether there may be more of them.
    @discardableResult
    func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError) -> Bool
}

/// An event with its number: rising, never used twice.
public struct RecordedEvent: Sendable, Equatable {
    public let id: Int64
    public let event: Event

    public init(id: Int64, event: Event) {
        self.id = id
        self.event = event
    }
}

/// One database behind the six seams.
public protocol PawlStore: SessionStore, AccountStore, KeyStore, EventStore, RecoveryStore, MaintenanceStore {
    /// The time that all servers on this database go by. The machine's own clock, unless there can be several machines:
    /// then it must be the database's, since each of them judges the rows of the others.
    var clock: Clock { get }

    /// Whether the database answers, for `/readyz`.
    func ping() async throws(StoreError)

    /// Lets what is under way finish, and ends all connections; nothing may be called afterwards.
    func close() async throws
}

extension PawlStore {
    public var clock: Clock { .system }
}
