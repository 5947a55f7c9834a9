import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

@Suite("RotationBatcher of rotations", .tags(.p4), .timeLimit(.minutes(5)))
struct RotationBatcherTests {
    @Test func `turns that arrive together share a statement, each with its own verdict`() async throws {
        try await withStore { store, database in
            let sessions = try await store.putSessions(64)
            try await count(statementsIn: database)
            let turns = sessions.enumerated().map { index, session in
                TurnSample(of: session).with { if index.isMultiple(of: 2) { $0.generation += 1 } }.turn
            }
            for (index, result) in await store.rotateTogether(turns).enumerated() {
                #expect(try result.get().verdict == (index.isMultiple(of: 2) ? .diverged : .rotate))
            }
            #expect(try await statements(in: database) == 1)
        }
    }

    @Test func `a batch holds each session once: of fifty turns of one session one wins`() async throws {
        try await withStore { store, _ in
            let sessions = try await store.putSessions(2)
            let turns = (0..<50).map { index in
                TurnSample(of: sessions[index % 2], successor: UInt64(100 + index)).with { $0.attempt = UInt64(index) }
                    .turn
            }
            let verdicts = try await store.rotateTogether(turns).map { try $0.get().verdict }
            #expect(verdicts.count { $0 == .rotate } == 2 && verdicts.count { $0 == .conflict } == 48)
        }
    }

    @Test func `one bad row fails by itself`() async throws {
        try await withStore { store, database in
            let sessions = try await store.putSessions(5)
            let server = try await PostgresServer.shared()
            try await server.query(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF old.device = 'device 2' THEN RAISE EXCEPTION 'no'; END IF; RETURN new; END $$;
                CREATE TRIGGER refuse BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse();
                """, in: database)
            let turns = sessions.map { TurnSample(of: $0).turn }
            let results = await store.rotateTogether(turns)
            for place in [0, 1, 3, 4] { #expect(try results[place].get().verdict == .rotate) }
            #expect(throws: StoreError.self) { try results[2].get() }
            #expect(try await store.session(sessions[2].id) == sessions[2])
            try await server.query("DROP TRIGGER refuse ON sessions", in: database)
            #expect(try await store.rotate(turns[2], under: .init()).verdict == .rotate)
        }
    }

    @Test func `a character that PostgreSQL cannot keep fails nobody`() async throws {
        try await withStore { store, _ in
            let session = try await store.putSessions(1)[0]
            let turn = TurnSample(of: session).with { $0.origin = Origin(address: "192.0.2.1", userAgent: "a\0b") }.turn
            let outcome = try await store.rotate(turn, under: .init())
            #expect(outcome.verdict == .rotate && outcome.session?.origin == turn.presentation.origin)
        }
    }

    @Test func `a batch that meets a deadlock is run again, row by row`() async throws {
        try await withStore { store, database in
            let sessions = try await store.putSessions(2)
            let turns = sessions.map { TurnSample(of: $0).turn }
            try await withStore(url: PostgresServer.shared().url(database)) { other in
                // The other locks the second row, waits until the batch holds the first, and then wants that too. Only the
                // batch looks for a deadlock.
                let locked = AsyncStream<Void>.makeStream()
                async let theirs: Void = other.transaction { connection in
                    try connection.execute("SET LOCAL deadlock_timeout = '60s'")
                    func lock(_ session: Session) throws {
                        try connection.execute(
                            "SELECT id FROM sessions WHERE id = $1 FOR UPDATE", [.id(session.id)])
                    }
                    try lock(sessions[1])
                    locked.continuation.finish()
                    let deadline = ContinuousClock.now + .seconds(60)
                    while try connection.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
                    ).count == 0 {
                        guard .now < deadline else { throw WaitedTooLong(what: "the batch", limit: .seconds(60)) }
                    }
                    try lock(sessions[0])
                }
                for await _ in locked.stream {}
                let results = await store.rotateTogether(turns)
                try await theirs
                for (result, (session, turn)) in zip(results, zip(sessions, turns)) {
                    let outcome = try result.get()
                    #expect(outcome.verdict == .rotate && outcome.session == session.turned(by: turn))
                }
            }
        }
    }

    @Test func `a batch that cannot be serialized is run again, row by row`() async throws {
        try await withStore { store, database in
            let sessions = try await store.putSessions(20)
            try await PostgresServer.shared().query(
                """
                CREATE SEQUENCE failures;
                CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('failures') <= 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF; RETURN new; END $$;
                CREATE TRIGGER fail BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION fail();
                """, in: database)
            let turns = sessions.map { TurnSample(of: $0).turn }
            for (result, (session, turn)) in zip(await store.rotateTogether(turns), zip(sessions, turns)) {
                let outcome = try result.get()
                #expect(outcome.verdict == .rotate && outcome.session == session.turned(by: turn))
            }
        }
    }

    /// Counts the statements that update sessions.
    private func count(statementsIn database: String) async throws {
        try await PostgresServer.shared().query(
            """
            CREATE SEQUENCE statements;
            CREATE FUNCTION tick() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('statements'); RETURN NULL; END $$;
            CREATE TRIGGER tick AFTER UPDATE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION tick();
            """, in: database)
    }

    private func statements(in database: String) async throws -> Int? {
        Int(try await PostgresServer.shared().query("SELECT last_value FROM statements WHERE is_called", in: database))
    }
}
