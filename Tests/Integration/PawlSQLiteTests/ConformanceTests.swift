import GRDB
import PawlCore
import PawlTesting
import Testing

@testable import PawlSQLite

@Suite("The embedded store", .tags(.p4, .p5, .p6, .p9, .p11), .timeLimit(.minutes(5)))
struct ConformanceTests {
    @Test(arguments: StoreConformance.all)
    func conforms(check: StoreConformance.Check) async throws {
        try await TemporaryDatabase().withStore { try await check.run(on: $0) }
    }

    @Test(.tags(.p4))
    func `the compare-and-set touches a row exactly when the policy says rotate`() async throws {
        try await TemporaryDatabase().withStore { store in
            let user = try Sample.user("owner")
            #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
            let pairs = try GeneratedRow.make(4000, seed: 7, for: user)
            let rotated = try await store.pool.writeWithoutTransaction { db in
                let statement = try RotationStatement(on: db)
                var rotated = 0
                try db.inTransaction {
                    for pair in pairs { try SQLiteStore.replace(pair.session, in: db) }
                    for pair in pairs {
                        let expected = pair.expected
                        let row = try statement.rotate(pair.turn, in: db)
                        // A token that diverged is never the current one, so the statement need know of no loss.
                        #expect(row == (pair.expected.isPlainTurn ? expected.session : nil))
                        let isTouched = try SQLiteStore.fetch(pair.session.id, in: db) != pair.session
                        #expect(isTouched == pair.expected.isPlainTurn)
                        rotated += isTouched ? 1 : 0
                    }
                    return .commit
                }
                return rotated
            }
            #expect(rotated > 300 && rotated < 3000, "both outcomes must come up often")
        }
    }

    @Test(.tags(.p4))
    func `a rotation's statements find their row by the primary key alone`() async throws {
        try await TemporaryDatabase().withStore { store in
            for (sql, parameters) in [(RotationStatement.update, 12), (RotationStatement.select, 1)] {
                let plan = try await store.pool.read { db in
                    let unbound = StatementArguments(Array(repeating: nil as Int?, count: parameters))
                    return try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql, arguments: unbound)
                        .map { $0["detail"] as String }
                }
                #expect(plan == ["SEARCH sessions USING PRIMARY KEY (id=?)"])
            }
        }
    }

    @Test func `nothing that a refresh changes is in an index`() async throws {
        try await TemporaryDatabase().withStore { store in
            let indexed = try await store.pool.read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT DISTINCT columns.name FROM pragma_index_list('sessions') AS indexes,
                            pragma_index_info(indexes.name) AS columns ORDER BY columns.name
                        """)
            }
            #expect(indexed == ["id", "subject"])
        }
    }
}
