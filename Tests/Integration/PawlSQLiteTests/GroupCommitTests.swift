import Dispatch
import GRDB
import PawlCore
import PawlTesting
import Synchronization
import Testing

@testable import PawlSQLite

@Suite("Group commit", .tags(.p4), .timeLimit(.minutes(5)))
struct GroupCommitTests {
    @Test func `turns that arrive together share a commit, each with its own verdict`() async throws {
        try await TemporaryDatabase().withStore { store in
            let sessions = try await put(64, into: store)
            let counter = CommitCounter()
            store.pool.add(transactionObserver: counter, extent: .databaseLifetime)
            let turns = sessions.enumerated().map { index, session in
                TurnSample(of: session).with { if index.isMultiple(of: 2) { $0.generation += 1 } }.turn
            }

            let results = await rotateTogether(turns, on: store)

            for (index, result) in results.enumerated() {
                #expect(try result.get().verdict == (index.isMultiple(of: 2) ? .diverged : .rotate))
            }
            // One for all, and a few more if the last ones had not quite arrived.
            #expect((1...8).contains(counter.count))
        }
    }

    /// - Parameter action: what SQLite is to end: `ABORT` the statement, `ROLLBACK` the whole transaction.
    private func refuseUpdates(of device: String, by action: String, in store: SQLiteStore) async throws {
        try await store.pool.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER refuse BEFORE UPDATE ON sessions WHEN old.device = '\(device)'
                    BEGIN SELECT raise(\(action), 'no'); END
                    """)
        }
    }

    @Test func `a change that fails is undone, and those that share its commit are none the worse`() async throws {
        try await TemporaryDatabase().withStore { store in
            let sessions = try await put(3, into: store)
            let turns = sessions.map { TurnSample(of: $0).turn }
            try await refuseUpdates(of: "device 2", by: "ABORT", in: store)
            let results = await rotateTogether(turns, on: store)
            #expect(try results[0].get().verdict == .rotate)
            #expect(try results[1].get().verdict == .rotate)
            #expect(throws: StoreError.self) { try results[2].get() }
            for (session, result) in zip(sessions, results).prefix(2) {
                #expect(try await store.session(session.id) == result.get().session)
            }
            #expect(try await store.session(sessions[2].id) == sessions[2])
            // Of several statements in one change the first ones are undone as well.
            try await store.pool.write { db in
                try db.execute(
                    sql: """
                        CREATE TRIGGER refuse_event BEFORE INSERT ON events WHEN new.session = x'\(sessions[2].id)'
                        BEGIN SELECT raise(ABORT, 'no'); END
                        """)
            }
            let ending = SessionEnding(.revoked, at: Sample.start + 2, origin: nil)
            let subject = sessions[0].subject
            await #expect(throws: StoreError.self) { try await store.end(.all(of: subject), ending) }
            for session in sessions { #expect(try await store.session(session.id)?.ending == nil) }
            try await store.pool.write { try $0.execute(sql: "DROP TRIGGER refuse") }
            #expect(try await store.rotate(turns[2], under: .init()).verdict == .rotate)
        }
    }

    @Test func `a change that ends the whole transaction fails its group, and nothing of it is kept`() async throws {
        try await TemporaryDatabase().withStore { store in
            let sessions = try await put(3, into: store)
            let turns = sessions.map { TurnSample(of: $0).turn }
            try await refuseUpdates(of: "device 1", by: "ROLLBACK", in: store)  // as a full disk does
            for (session, result) in zip(sessions, await rotateTogether(turns, on: store)) {
                // A caller who shares a commit with it is told that it failed, and may come again.
                switch result {
                case .success(let outcome): #expect(try await store.session(session.id) == outcome.session)
                case .failure: #expect(try await store.session(session.id) == session)
                }
            }
            #expect(try await store.session(sessions[1].id) == sessions[1])
            try await store.pool.write { try $0.execute(sql: "DROP TRIGGER refuse") }
            #expect(try await store.rotate(turns[1], under: .init()).verdict == .rotate)
        }
    }

    @Test(.tags(.p10)) func `logins and other changes share a commit with refreshes`() async throws {
        try await TemporaryDatabase().withStore { store in
            let sessions = try await put(32, into: store)
            let counter = CommitCounter()
            store.pool.add(transactionObserver: counter, extent: .databaseLifetime)
            let gate = DispatchSemaphore(value: 0)
            store.pool.asyncWriteWithoutTransaction { _ in gate.wait() }
            let arrived = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, session) in sessions.enumerated() {
                    group.addTask {
                        arrived.add()
                        if index.isMultiple(of: 2) {
                            let turn = TurnSample(of: session).turn
                            #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
                        } else {
                            let keys = try Sample.throttleKeys("user \(index)", "192.0.2.1")
                            #expect(try await store.reserve(keys) == .granted)
                        }
                    }
                }
                try? await waitUntil("all writers") { arrived.value == sessions.count }
                #expect(arrived.value == sessions.count)
                gate.signal()
                try await group.waitForAll()
            }
            #expect((1...8).contains(counter.count))
        }
    }

    @Test func `a closed store says so`() async throws {
        let database = try TemporaryDatabase()
        let store = try await database.open()
        let session = try Sample.session(of: try Sample.user("owner"), 1)
        #expect(try await store.rotate(TurnSample(of: session).turn, under: .init()).verdict == .expired)
        try await store.close()
        await #expect(throws: StoreError.self) {
            _ = try await store.rotate(TurnSample(of: session).turn, under: .init())
        }
        await #expect(throws: StoreError.self) { _ = try await store.session(session.id) }
    }

    private func put(_ count: UInt64, into store: SQLiteStore) async throws -> [Session] {
        let user = try Sample.user("owner")
        let sessions = try (0..<count).map { try Sample.session(of: user, $0) }
        #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
        for session in sessions {
            #expect(try await store.startSession(session, ifUserVersionIs: 1, Sample.started(session)))
        }
        return sessions
    }

    /// Holds the writer until all turns have come.
    private func rotateTogether(_ turns: [Turn], on store: SQLiteStore) async -> [Result<Outcome, StoreError>] {
        let gate = DispatchSemaphore(value: 0)
        store.pool.asyncWriteWithoutTransaction { _ in gate.wait() }
        let arrived = Counter()
        return await withTaskGroup(of: (Int, Result<Outcome, StoreError>).self) { group in
            for (index, turn) in turns.enumerated() {
                group.addTask {
                    arrived.add()
                    do throws(StoreError) {
                        return (index, .success(try await store.rotate(turn, under: .init())))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            try? await waitUntil("all turns") { arrived.value == turns.count }
            #expect(arrived.value == turns.count)
            gate.signal()
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}

private final class CommitCounter: TransactionObserver, Sendable {
    private let commits = Counter()
    var count: Int { commits.value }
    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidCommit(_ db: Database) { commits.add() }
    func databaseDidRollback(_ db: Database) {}
}
