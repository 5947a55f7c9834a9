import PawlTesting

@testable import PawlCore

/// What a store holds at one moment, to be put back later.
struct Backup {
    private let rows: MemoryStore.Tables

    init(of server: Server) throws { rows = try (server.store.base as? MemoryStore).orThrow().rows }

    func putBack(into server: Server) throws { try putBack(into: server.store) }

    func putBack(into store: ObservedStore) throws {
        try (store.base as? MemoryStore).orThrow().rows = rows
    }
}
