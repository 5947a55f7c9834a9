import Dispatch
import PawlCore
import PawlSQL
import PawlTesting
import ServerTesting
import Synchronization
import Testing

@testable import PawlPostgres

/// An empty database of the shared server.
func withDatabase(_ work: (PostgresServer, String) async throws -> Void) async throws {
    let server = try await PostgresServer.shared()
    try await work(server, try await server.makeDatabase())
}

/// A store on an empty database of the shared server, and the database's name.
func withStore(_ work: (PostgresStore, String) async throws -> Void) async throws {
    try await withDatabase { server, database in
        try await withStore(url: server.url(database)) { try await work($0, database) }
    }
}

func withStore(
    url: String, patience: Duration = .seconds(8), clock: WallClock? = nil,
    _ work: (PostgresStore) async throws -> Void
) async throws {
    let store = try await PostgresStore(
        url: url, purpose: .serve, clock: clock, patience: patience, logger: LogCapture().logger)
    do {
        try await work(store)
    } catch {
        await store.close()
        throw error
    }
    await store.close()
}

/// A store behind a proxy.
func withProxy(
    patience: Duration = .seconds(8), clock: WallClock? = nil, _ work: (PostgresStore, Proxy) async throws -> Void
) async throws {
    try await withDatabase { server, database in
        let proxy = try await Proxy(to: server.port)
        try await withStore(url: server.url(database, port: proxy.port), patience: patience, clock: clock) { store in
            try await work(store, proxy)
        }
        try await proxy.close()
    }
}

extension PostgresStore {
    /// Puts sessions of one user into an empty store.
    func putSessions(_ count: UInt64) async throws -> [Session] {
        let user = try Sample.user("owner")
        let sessions = try (0..<count).map { try Sample.session(of: user, $0) }
        #expect(try await addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
        try await put(sessions.map(SessionRow.values), into: SessionRow.table)
        return sessions
    }

    /// Waits for the database to come back, and does what each node does each second.
    func untilBack() async throws {
        try await waitUntil("the database") { (try? await dataLossRecord()) != nil }
        await settleUnknownOutcomes(at: clock.now)
    }

    /// Holds the batcher until all turns have come.
    func rotateTogether(_ turns: [Turn]) async -> [Result<Outcome, StoreError>] {
        let gate = DispatchSemaphore(value: 0)
        for worker in batcher.workers {
            // Once it is there: the worker may be busy with the end of a batch, and would take along what comes.
            await withCheckedContinuation { reached in
                worker.async { _ in
                    reached.resume()
                    gate.wait()
                }
            }
        }
        return await withTaskGroup(of: (Int, Result<Outcome, StoreError>).self) { group in
            for (index, turn) in turns.enumerated() {
                group.addTask {
                    do throws(StoreError) {
                        return (index, .success(try await self.rotate(turn, under: .init())))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            while batcher.waitingCount < turns.count { await Task.yield() }
            for _ in batcher.workers { gate.signal() }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
