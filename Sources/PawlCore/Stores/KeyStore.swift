/// Keeps the signing keys, sealed. Atomic and durable like ``SessionStore``.
public protocol KeyStore: Sendable {
    func signingKeys() async throws(StoreError) -> [SealedSigningKey]
    /// Adds a key, or replaces the one of its id.
    func save(_ key: SealedSigningKey) async throws(StoreError)
    func deleteSigningKeys(_ ids: [String]) async throws(StoreError)
}

/// Keeps the record of what happened. Atomic and durable like ``SessionStore``.
public protocol EventStore: Sendable {
    func append(_ event: Event) async throws(StoreError)
    /// Events at or after `start`, of these kinds, oldest first, at most `limit`.
    func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event]
    /// Deletes at most `limit` events from before `cutoff`.
    func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError)
}

/// One database behind the four seams.
public protocol PawlStore: SessionStore, AccountStore, KeyStore, EventStore {
    /// Whether the database answers, for `/readyz`.
    func ping() async throws(StoreError)
}
