/// Keeps the signing keys, sealed. Atomic and durable like ``SessionStore``.
package protocol KeyStore: Sendable {
    func signingKeys() async throws(StoreError) -> [SealedSigningKey]
    /// Inserts a key and its event only if the stored key ids equal `known`, so that exactly one server creates a key that
    /// is due.
    /// - Parameter known: their ids.
    /// - Returns: whether it did.
    func addSigningKey(
        _ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event
    ) async throws(StoreError) -> Bool
    /// Replaces the seal of the key of the same id, if there still is one.
    func resealSigningKey(_ key: SealedSigningKey) async throws(StoreError)
    /// Deletes a key and records the event, if there still is such a key.
    func deleteSigningKey(_ id: String, _ event: Event) async throws(StoreError)
}
