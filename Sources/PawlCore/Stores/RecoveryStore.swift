/// Keeps what all nodes share about lost writes. Atomic and durable like ``SessionStore``.
public protocol RecoveryStore: Sendable {
    func recovery() async throws(StoreError) -> RecoveryRecord

    /// Changes the record and adds the events that `change` returns, in one transaction. `change` is pure, and may be
    /// called more than once.
    /// - Returns: the record afterwards.
    func updateRecovery(
        _ change: @escaping @Sendable (inout RecoveryRecord) -> [Event]
    ) async throws(StoreError) -> RecoveryRecord

    /// Counts what became of sessions since `start`, by a look at each row: for an operator who asks.
    func countRecovery(since start: UnixTime, at now: UnixTime) async throws(StoreError) -> RecoveryCount
}

/// What became of sessions since an incident was met.
public struct RecoveryCount: Sendable, Equatable {
    /// Went on from a token that the database had lost.
    public let recovered: Int
    /// Ended because of one.
    public let lost: Int
    /// Could still live, and have not been heard of since.
    public let silent: Int

    public init(recovered: Int, lost: Int, silent: Int) {
        self.recovered = recovered
        self.lost = lost
        self.silent = silent
    }
}
