/// A database that Pawl can use: `SQLiteStore`, `PostgresStore`, or ``MemoryStore`` for tests.
public protocol PawlStore: Sendable {
    /// What Pawl does with the database. Only stores of this package can make one (see `docs/stores.md`).
    var access: StoreAccess { get }

    /// Finishes the work under way and closes all connections. The store cannot be used afterwards.
    func close() async throws
}

/// What Pawl does with a database, behind a ``PawlStore``.
public struct StoreAccess: Sendable {
    package let store: any Store

    package init(_ store: any Store) {
        self.store = store
    }
}
