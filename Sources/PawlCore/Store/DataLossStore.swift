/// Keeps what all nodes share about lost writes. Atomic and durable like ``SessionStore``.
package protocol DataLossStore: Sendable {
    func dataLossRecord() async throws(StoreError) -> DataLossRecord

    /// Changes the record and adds the events that `change` returns, in one transaction. `change` is pure, and may be
    /// called more than once.
    /// - Returns: the record afterwards.
    func updateDataLossRecord(
        _ change: @escaping @Sendable (inout DataLossRecord) -> [Event]
    ) async throws(StoreError) -> DataLossRecord

    /// Counts what became of sessions since `start`, by a look at each row: for an operator who asks.
    func countDataLoss(since start: UnixTime, at now: UnixTime) async throws(StoreError) -> DataLossCount
}

/// What became of sessions since an incident was met.
package struct DataLossCount: Sendable, Equatable {
    /// Went on from a token that the database had lost.
    package let recovered: Int
    /// Ended because of one.
    package let lost: Int
    /// Could still live, and have not been heard of since.
    package let silent: Int

    package init(recovered: Int, lost: Int, silent: Int) {
        self.recovered = recovered
        self.lost = lost
        self.silent = silent
    }
}
