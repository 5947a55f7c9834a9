import PawlCore
import PawlSQL
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

@Suite("The scale-out store", .tags(.p4, .p5, .p6, .p9, .p11), .timeLimit(.minutes(5)))
struct ConformanceTests {
    @Test(arguments: StoreConformance.all)
    func conforms(check: StoreConformance.Check) async throws {
        try await withStore { store, _ in try await check.run(on: store) }
    }

    @Test(.tags(.p4))
    func `the compare-and-set touches a row exactly when the policy says rotate`() async throws {
        try await withStore { store, _ in
            let user = try Sample.user("owner")
            #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
            let pairs = try GeneratedRow.make(4000, seed: 7, for: user)
            try await store.put(pairs.map { SessionRow.values($0.session) }, into: SessionRow.table)
            var rotated = 0
            for first in stride(from: 0, to: pairs.count, by: 250) {
                let batch = Array(pairs[first..<first + 250])
                let touched = try await store.run { connection in
                    try connection.execute(RotationStatement.sql, RotationStatement.parameters(batch.map(\.turn)))
                        .map { (place: Int($0.integer(SessionRow.names.count) ?? 0), row: try SessionRow.decode($0)) }
                }
                let rows = Dictionary(uniqueKeysWithValues: touched.map { ($0.place - 1, $0.row) })
                for (place, pair) in batch.enumerated() {
                    #expect(rows[place] == (pair.expected.isPlainTurn ? pair.expected.session : nil))
                    let isTouched = try await store.session(pair.session.id) != pair.session
                    #expect(isTouched == pair.expected.isPlainTurn)
                }
                rotated += rows.count
            }
            #expect(rotated > 300 && rotated < 3000, "both outcomes must come up often")
        }
    }

    @Test(.tags(.p4))
    func `a batch finds its rows by the primary key alone, in a table of any size`() async throws {
        try await withStore { store, _ in
            for count in [0, 3000] {
                let sessions = try (0..<UInt64(count)).map { try Sample.session(of: try Sample.user("owner"), $0) }
                try await store.put(sessions.map(SessionRow.values), into: SessionRow.table)
                try await store.run { try $0.executeScript("ANALYZE sessions") }
                let turn = TurnSample(of: try Sample.session(of: try Sample.user("owner"), 1)).turn
                let plan = await withCheckedContinuation { answer in
                    store.batcher.workers[0].async { worker in
                        answer.resume(
                            returning: Result {
                                try worker.use { connection in
                                    try connection.execute(
                                        "EXPLAIN " + RotationStatement.sql, RotationStatement.parameters([turn])
                                    ).map { $0.text(0) }.joined(separator: "\n")
                                }
                            })
                    }
                }
                let text = try plan.get()
                #expect(text.contains("Index Scan using sessions_pkey"), "\(text)")
                #expect(!text.contains("Seq Scan") && !text.contains("Hash"), "\(text)")
            }
        }
    }

    @Test func `nothing that a refresh changes is in an index`() async throws {
        try await withStore { _, database in
            let indexed = try await PostgresServer.shared().query(
                """
                SELECT DISTINCT a.attname FROM pg_index i JOIN pg_attribute a
                    ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                WHERE i.indrelid = 'sessions'::regclass ORDER BY 1
                """, in: database)
            #expect(indexed == "id\nsubject")
        }
    }

    @Test(.tags(.p9))
    func `refreshes are heap-only updates, and a session takes constant space`() async throws {
        try await withStore { store, database in
            var sessions = try await store.putSessions(500)
            let server = try await PostgresServer.shared()
            func size() async throws -> Int {
                let text = try await server.query("SELECT pg_total_relation_size('sessions')", in: database)
                return Int(text) ?? 0
            }
            let before = try await size()
            for round in 0..<40 {
                // Neighbours share a page, whose old versions go once no transaction sees them: as in life, a batch has few
                // neighbours.
                for first in 0..<20 {
                    let places = Array(stride(from: first, to: sessions.count, by: 20))
                    let turns = places.map { TurnSample(of: sessions[$0], successor: UInt64(1000 * round)).turn }
                    for result in await store.rotateTogether(turns) { #expect(try result.get().verdict == .rotate) }
                    for (place, turn) in zip(places, turns) { sessions[place] = sessions[place].turned(by: turn) }
                }
            }
            await store.close()  // statistics are told by a session's end
            let statistics = try await server.query(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'", in: database
            ).split(separator: "|").compactMap { Int($0) }
            #expect(statistics[0] == 500 * 40)
            #expect(statistics[1] * 100 >= statistics[0] * 99, "\(statistics)")
            #expect(try await size() * 2 <= before * 3)
        }
    }
}
