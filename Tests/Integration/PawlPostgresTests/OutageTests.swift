import Dispatch
import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

@Suite("A database that is away", .tags(.p4), .timeLimit(.minutes(5)))
struct OutageTests {
    @Test func `a database that is away fails at once, holds nobody up, and is found again when it is back`()
        async throws
    {
        try await withProxy { store, proxy in
            let sessions = try await store.putSessions(3)
            #expect(try await store.rotate(TurnSample(of: sessions[0]).turn, under: .init()).verdict == .rotate)
            try await proxy.down()
            // Not sent, or refused: nothing happened, and nothing is waited for.
            while (try? await store.ping()) != nil {}
            let start = ContinuousClock.now
            for _ in 0..<200 {
                await #expect(throws: StoreError.self) { _ = try await store.session(sessions[1].id) }
                await #expect(throws: StoreError.self) {
                    _ = try await store.rotate(TurnSample(of: sessions[1]).turn, under: .init())
                }
            }
            #expect(ContinuousClock.now - start < .seconds(5), "an outage must not queue up what comes")
            proxy.up()
            try await store.untilBack()
            #expect(try await store.rotate(TurnSample(of: sessions[1]).turn, under: .init()).verdict == .rotate)
            #expect(try await store.session(sessions[1].id)?.chain.generation == sessions[1].chain.generation + 1)
            #expect(try await store.session(sessions[2].id) == sessions[2])
        }
    }

    @Test func `a database that is away loses nothing that was acknowledged when the server is killed`() async throws {
        let server = try await PostgresServer()
        let database = try await server.makeDatabase()
        try await withStore(url: server.url(database)) { store in
            var sessions = try await store.putSessions(50)
            for round in 0..<3 {
                let turns = sessions.map { TurnSample(of: $0, successor: UInt64(10 * round)).turn }
                for result in await store.rotateTogether(turns) { #expect(try result.get().verdict == .rotate) }
                sessions = zip(sessions, turns).map { $0.turned(by: $1) }
                try await server.stop("immediate")
                await #expect(throws: StoreError.self) { try await store.ping() }
                try await server.start()
                try await store.untilBack()
                for session in sessions { #expect(try await store.session(session.id) == session) }
            }
        }
        await server.remove()
    }

    @Test func `a database that takes no more connections leaves those that there are at work`() async throws {
        let server = try await PostgresServer(settings: [
            "max_connections=8", "superuser_reserved_connections=0", "max_wal_senders=0",
        ])
        let database = try await server.makeDatabase()
        try await withStore(url: server.url(database)) { store in
            let session = try await store.putSessions(1)[0]
            let error = await #expect(throws: PostgresStoreError.self) {
                _ = try await PostgresStore(
                    url: server.url(database), purpose: .serve, startPatience: .zero, logger: LogCapture().logger)
            }
            #expect(error?.description.contains("too many clients") == true)
            #expect(try await store.rotate(TurnSample(of: session).turn, under: .init()).verdict == .rotate)
            try await store.ping()

            // Others take the places of three of them, so that those cannot come back.
            let others = try (0..<2).map { _ in try Connection(server.url(database)) }
            let ended = try others[0].execute(
                """
                SELECT pg_terminate_backend(pid, 5000)::int::bigint FROM pg_stat_activity
                WHERE application_name = 'pawl' AND pid <> pg_backend_pid() AND state = 'idle' AND query LIKE $1
                LIMIT 3
                """, [.text("%")])
            #expect(ended.count == 3)
            let more = try (0..<3).map { _ in try Connection(server.url(database)) }
            let turned = try #require(try await store.session(session.id))
            #expect(try await store.rotate(TurnSample(of: turned).turn, under: .init()).verdict == .rotate)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 { group.addTask { _ = try await store.session(session.id) } }
                try await group.waitForAll()
            }
            withExtendedLifetime((others, more)) {}
        }
        await server.remove()
    }

    @Test func `a database that is set to another isolation is used as Pawl needs it`() async throws {
        try await withDatabase { server, database in
            try await server.query(
                "ALTER DATABASE \(database) SET default_transaction_isolation = 'serializable'", in: "postgres")
            try await withStore(url: server.url(database)) { store in
                let keys = try Sample.throttleKeys("owner", "192.0.2.7")
                let passed = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for _ in 0..<40 {
                        group.addTask { try await store.reserve(keys) == .granted }
                    }
                    return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(passed == 5)
            }
        }
    }

    @Test func `a database that holds a statement up for too long says so, and nothing has happened`() async throws {
        try await withDatabase { server, database in
            let url = server.url(database) + "?options=-c%20statement_timeout%3D300"
            try await withStore(url: url) { store in
                let sessions = try await store.putSessions(2)
                let held = AsyncStream<Void>.makeStream()
                let gate = DispatchSemaphore(value: 0)
                async let holder: Void = store.transaction { connection in
                    try connection.execute("SELECT id FROM sessions WHERE id = $1 FOR UPDATE", [.id(sessions[0].id)])
                    held.continuation.finish()
                    gate.wait()
                }
                for await _ in held.stream {}
                let results = await store.rotateTogether(sessions.map { TurnSample(of: $0).turn })
                gate.signal()
                try await holder
                let error = #expect(throws: StoreError.self) { try results[0].get() }
                #expect(error?.description.contains("57014") == true)
                #expect(try results[1].get().verdict == .rotate, "the other row is none the worse")
                #expect(try await store.session(sessions[0].id) == sessions[0])
                #expect(try await store.rotate(TurnSample(of: sessions[0]).turn, under: .init()).verdict == .rotate)
            }
        }
    }

    @Test func `a database that is away is waited for by a server that starts`() async throws {
        try await withDatabase { server, database in
            let proxy = try await Proxy(to: server.port)
            try await proxy.down()
            let logs = LogCapture()
            async let store = PostgresStore(url: server.url(database, port: proxy.port), logger: logs.logger)
            while !logs.text.contains("The database is away") { await Task.yield() }
            proxy.up()
            try await store.ping()
            try await store.close()
            try await proxy.close()
        }
    }

    @Test func `a database that is away is named when a store is opened, and its password is not`() async throws {
        for url in [
            "postgres://pawl:geheim@127.0.0.1:1/none", "postgres://pawl:geheim@127.0.0.1:1/none?nonsense=1",
            "postgres://pawl:geh eim@127.0.0.1:x/",
        ] {
            let error = await #expect(throws: PostgresStoreError.self) {
                _ = try await PostgresStore(
                    url: url, purpose: .serve, startPatience: .zero, logger: LogCapture().logger)
            }
            #expect(error?.description.contains("geh") == false)
        }
    }
}
