/// One database behind the six seams.
package protocol Store: PawlStore, SessionStore, AccountStore, KeyStore, EventStore, DataLossStore, MaintenanceStore {
    /// The time that all servers on this database go by. The machine's own clock, unless there can be several machines:
    /// then it must be the database's, since each of them judges the rows of the others.
    var clock: WallClock { get }

    /// Whether the database answers, for `/readyz`.
    func ping() async throws(StoreError)
}

extension Store {
    package var clock: WallClock { .system }
}
