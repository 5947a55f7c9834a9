import PawlCore
import PawlPostgres
import PawlTesting
import ServerTesting

/// A database of the shared server, and its name there.
func withDatabase(_ work: (PostgresServer, String) async throws -> Void) async throws {
    let server = try await PostgresServer.shared()
    try await work(server, try await server.makeDatabase())
}

/// A store on an empty database of the shared server.
func withStore(_ work: (PostgresStore, String) async throws -> Void) async throws {
    try await withDatabase { server, database in
        let store = try await PostgresStore(url: server.url(database), logger: LogCapture().logger)
        do {
            try await work(store, database)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}
