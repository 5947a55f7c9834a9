import PawlTesting
import Testing

@testable import PawlPostgres

@Suite("A connection string", .tags(.p3, .p12), .timeLimit(.minutes(5)))
struct ConnectionStringTests {
    // FAULTS D7
    @Test(
        arguments: [
            ("postgres://pawl@db.example.com/pawl", [:], true), ("postgres://db1,db2/pawl", [:], true),
            ("postgres://10.0.0.7/pawl", [:], true), ("postgres://[2001:db8::7]/pawl", [:], true),
            ("postgres://127.0.0.1,db2/pawl", [:], true), ("postgres:///pawl?host=db.example.com", [:], true),
            ("postgres://localhost/pawl?hostaddr=10.0.0.7", [:], true), ("postgres:///pawl", ["PGHOST": "db"], true),
            ("postgres:///pawl", ["PGHOSTADDR": "10.0.0.7"], true),
            ("postgres://localhost.example.com/pawl", [:], true),
            ("postgres://db/pawl?sslmode=prefer", [:], false), ("postgres://db/pawl?ssl=true", [:], false),
            ("postgres://db/pawl", ["PGSSLMODE": "require"], false), ("postgres://db/pawl?service=pawl", [:], false),
            ("postgres://db/pawl", ["PGSERVICE": "pawl"], false),
            ("postgres:///pawl", [:], false), ("postgres://%2Frun%2Fpostgresql/pawl", [:], false),
            ("postgres://localhost:5433/pawl", [:], false), ("postgres://127.0.0.2/pawl", [:], false),
            ("postgres://[::1]/pawl", [:], false), ("postgres://localhost,127.0.0.1/pawl", [:], false),
            ("postgres://db.example.com/pawl?hostaddr=127.0.0.1", [:], false),
            ("postgres://localhost/pawl", ["PGHOST": "db"], false),
        ] as [(String, [String: String], Bool)])
    func `asks for a verified server on another machine, unless it says otherwise`(
        text: String, environment: [String: String], expected: Bool
    ) throws {
        #expect(try ConnectionString(text).orThrow().needsVerifiedServer(environment) == expected)
    }

    @Test(arguments: [
        "postgres://h/db?nonsense=1", "postgres://p:a/b@h/db", "postgres://p:a@b@h/db", "postgres://h:x/db",
    ])
    func `a text is no connection string where libpq would take a part of a password for something else`(text: String) {
        #expect(ConnectionString(text) == nil)
    }
}
