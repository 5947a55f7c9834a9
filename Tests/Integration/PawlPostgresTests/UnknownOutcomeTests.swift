import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

/// A connection that dies in the middle of a batch leaves a doubt. It is resolved, never guessed.
@Suite("In doubt", .tags(.p4, .p5), .timeLimit(.minutes(5)))
struct DoubtTests {
    @Test(arguments: [Proxy.Moment.beforeRequest, .beforeAnswer])
    func `a batch whose connection is cut ends as if it had not been`(moment: Proxy.Moment) async throws {
        try await withProxy { store, proxy in
            var sessions = try await store.putSessions(40)
            sessions = try await turn(sessions, on: store)  // the statement is prepared now
            proxy.cut(moment)
            let turns = sessions.map { TurnSample(of: $0, successor: 5).turn }
            let results = await store.rotateTogether(turns)
            #expect(proxy.cuts == 1)
            for (result, (session, turn)) in zip(results, zip(sessions, turns)) {
                let outcome = try result.get()
                #expect(outcome.verdict == .rotate)
                #expect(outcome.session == session.turned(by: turn))
                #expect(try await store.session(session.id) == session.turned(by: turn))
            }
            #expect(try await store.latestEvents(limit: 10).map(\.event.kind) == [.registered])
        }
    }

    @Test func `a client that was sent away in doubt has the leeway anew when the database is back`() async throws {
        try await withProxy(patience: .milliseconds(200)) { store, proxy in
            // Hours ago by the database's clock: nobody could come again meanwhile.
            let then = store.clock.now - 4000
            let fresh = try #require(try await store.putSessions(1).first)
            let first = TurnSample(of: fresh, successor: 4).with { $0.now = then }.turn
            #expect(try await store.rotate(first, under: .init()).verdict == .rotate)  // the statement is prepared now
            let session = fresh.turned(by: first)
            let turn = TurnSample(of: session, successor: 5).with { $0.now = then }.turn
            proxy.cut(.beforeAnswer, goesDown: true)
            for result in await store.rotateTogether([turn]) {
                #expect(throws: StoreError.self) { try result.get() }
            }
            proxy.up()
            try await store.untilBack()
            // Still a retry, even of a client that names none.
            let late = TurnSample(of: session, successor: 6).with { $0.now = store.clock.now + 5 }.turn
            let outcome = try await store.rotate(late, under: .init())
            #expect(outcome.verdict == .replay && outcome.session?.chain.hash == turn.successor.hash)
        }
    }

    @Test(arguments: [Int64(30), 0])
    func `a turn in doubt is not judged reuse by the server that has it in doubt, settled or not`(leeway: Int64)
        async throws
    {
        let clock = ManualClock()
        try await withProxy(patience: .milliseconds(200), clock: clock.clock) { store, proxy in
            var sessions = try await store.putSessions(1)
            sessions = try await turn(sessions, on: store)
            let turns = sessions.map { TurnSample(of: $0, successor: 5).turn }
            proxy.cut(.beforeAnswer, goesDown: true)
            for result in await store.rotateTogether(turns) {
                #expect(throws: StoreError.self) { try result.get() }
            }
            proxy.up()
            // The client comes again before the server has asked the database what became of its turn.
            let again = TurnSample(of: sessions[0], successor: 6).with { $0.now = turns[0].presentation.now + 4000 }
                .turn
            let outcome = try await whenBack { try await store.rotate(again, under: .init(leeway: leeway)) }
            #expect(outcome.verdict == .replay && outcome.session?.chain.hash == turns[0].successor.hash)
            #expect(try await store.session(sessions[0].id)?.ending == nil)
        }
    }

    @Test func `a client that was sent away is judged as of when it first came`() async throws {
        try await withProxy(patience: .milliseconds(200)) { store, proxy in
            let sessions = try await store.putSessions(2)
            let turns = sessions.map { TurnSample(of: $0, successor: 5).turn }
            for result in await store.rotateTogether(turns) { #expect(try result.get().verdict == .rotate) }
            func again(_ place: Int, after seconds: Int64) async throws -> Outcome {
                let turn = TurnSample(of: sessions[place], successor: 6).with {
                    $0.now = turns[place].presentation.now + seconds
                }
                return try await store.rotate(turn.turn, under: .init())
            }
            // The answer was lost, and while the database is away the client repeats the request in time.
            try await proxy.down()
            try await waitUntil("the end of the connections") { (try? await store.ping()) == nil }
            await #expect(throws: StoreError.self) { _ = try await again(0, after: 20) }
            proxy.up()
            let outcome = try await whenBack { try await again(0, after: 500) }
            #expect(outcome.verdict == .replay && outcome.session?.chain.hash == turns[0].successor.hash)
            #expect(try await again(1, after: 500).verdict == .reuse, "this one comes for the first time")
        }
    }

    /// What docs/high-availability.md says of other servers.
    @Test func `another server goes by the row: within the leeway a replay, later only once the doubt is settled`()
        async throws
    {
        try await withDatabase { server, database in
            let (clock, proxy) = (ManualClock(), try await Proxy(to: server.port))
            let cut = server.url(database, port: proxy.port)
            try await withStore(url: cut, patience: .milliseconds(200), clock: clock.clock) { store in
                var sessions = try await store.putSessions(1)
                sessions = try await turn(sessions, on: store)
                let turns = sessions.map { TurnSample(of: $0, successor: 5).turn }
                try await withStore(url: server.url(database)) { other in
                    func again(after seconds: Int64) async throws -> Verdict {
                        let late = TurnSample(of: sessions[0], successor: 6).with {
                            $0.now = turns[0].presentation.now + seconds
                        }
                        return try await other.rotate(late.turn, under: .init(onReuse: .report)).verdict
                    }
                    proxy.cut(.beforeAnswer, goesDown: true)
                    for result in await store.rotateTogether(turns) {
                        #expect(throws: StoreError.self) { try result.get() }
                    }
                    #expect(try await again(after: 29) == .replay)
                    #expect(try await again(after: 60) == .reuse, "it was not cut off, and knows of no doubt")
                    clock.advance(by: turns[0].presentation.now.age(since: clock.now) + 61)
                    proxy.up()
                    try await store.untilBack()
                    #expect(try await again(after: 62) == .replay, "the doubt is settled")
                }
            }
            try await proxy.close()
        }
    }

    @Test func `a part of the database that is away counts as an outage, and overlapping failures count once`() {
        let circuit = CircuitBreaker()
        for _ in 0..<3 { circuit.connect() }
        let now = ContinuousClock.now
        circuit.lose(since: now - .seconds(20), "gone")
        circuit.lose(since: now - .seconds(10), "gone")
        #expect((20...21).contains(circuit.awayTime(inLast: 60)))
        #expect((5...6).contains(circuit.awayTime(inLast: 5)))
    }

    private func whenBack<Value>(_ work: () async throws -> Value) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            do {
                return try await work()
            } catch let error as StoreError where .now < deadline {
                _ = error  // the database is not back yet
                await Task.yield()
            }
        }
    }

    @Test func `an outage extends the leeway by its length`() async throws {
        try await withStore { store, _ in
            let sessions = try await store.putSessions(2)
            let turns = sessions.map { TurnSample(of: $0).turn }
            for turn in turns { #expect(try await store.rotate(turn, under: .init()).verdict == .rotate) }
            func again(_ place: Int, after seconds: Int64) async throws -> Verdict {
                let turn = TurnSample(of: sessions[place]).with { $0.now = turns[place].presentation.now + seconds }
                    .turn
                return try await store.rotate(turn, under: .init()).verdict
            }
            #expect(try await again(0, after: 29) == .replay)
            // As if all connections had been lost a minute ago, and one had come back now.
            let start = ContinuousClock.now - .seconds(60)
            for _ in 0..<PostgresStore.connections { store.circuit.lose(since: start, "gone") }
            for _ in 0..<PostgresStore.connections { store.circuit.connect() }
            #expect(try await again(0, after: 89) == .replay)
            #expect(try await again(0, after: 95) == .reuse)
            #expect(try await store.rotate(TurnSample(of: sessions[1]).turn, under: .init(leeway: 0)).verdict == .reuse)
        }
    }

    @Test func `a commit whose wait for the standby was cancelled is confirmed before it is answered`() async throws {
        let server = try await PostgresServer()
        let database = try await server.makeDatabase()
        try await withStore(url: server.url(database)) { store in
            var sessions = try await store.putSessions(4)
            sessions = try await turn(sessions, on: store)
            try await server.setSynchronousStandby("nobody")  // who never comes
            let turns = sessions.map { TurnSample(of: $0, successor: 5).turn }
            async let results = store.rotateTogether(turns)
            let waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            try await waitUntil("commits that wait for the standby") {
                try await server.query("SELECT count(pg_cancel_backend(pid)) \(waiting)", in: database) != "0"
            }
            // Committed here, and in no standby: it is not answered, but confirmed, which waits again.
            try await waitUntil("the confirmation that waits again") {
                try await server.query("SELECT count(*) \(waiting)", in: database) != "0"
            }
            try await server.setSynchronousStandby("")
            for (result, (session, turn)) in zip(await results, zip(sessions, turns)) {
                #expect(try result.get().verdict == .rotate)
                #expect(try await store.session(session.id) == session.turned(by: turn))
            }
        }
        await server.remove()
    }

    private func turn(_ sessions: [Session], on store: PostgresStore) async throws -> [Session] {
        let turns = sessions.map { TurnSample(of: $0, successor: 4).turn }
        for result in await store.rotateTogether(turns) { #expect(try result.get().verdict == .rotate) }
        return zip(sessions, turns).map { $0.turned(by: $1) }
    }
}
