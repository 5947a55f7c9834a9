import Foundation
import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

/// What a distributed `sessions` refuses, told from the text of a statement, so that no cluster is needed to see it.
/// `make test-citus` is the proof.
private enum StatementShape {
    static func refusal(of statement: String) -> String? {
        let sql = statement.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard sql.contains(#/\bsessions\b/#) else { return nil }
        if sql.contains(#/\bfor (update|share|no key update|key share)\b/#),
            sql.wholeMatch(of: #/select [a-z0-9_, ]+ from sessions where id = \$1 for update/#) == nil
        {
            return "a lock is taken on one session at a time, by its id"
        }
        if sql.contains("delete from sessions"),
            sql.wholeMatch(of: #/[^(]*where id = any \(\$1\) and \([^()]*\)/#) == nil
        {
            return "sessions are deleted by their ids alone, with the deadline once more"
        }
        if sql.contains(#/update sessions\b/#), sql.contains("select") {
            return "sessions are changed by their ids, not by what a query finds"
        }
        if sql.contains(#/\bjoin\b/#) { return "sessions are joined with nothing" }
        return nil
    }
}

@Suite("Shapes of statements that touch sessions", .timeLimit(.minutes(5)))
struct StatementShapeTests {
    @Test func `every statement that the conformance suite sends can run on a distributed table of sessions`()
        async throws
    {
        let server = try await PostgresServer(settings: ["log_statement=all", "fsync=off", "synchronous_commit=off"])
        let database = try await server.makeDatabase()
        try await withStore(url: server.url(database)) { store in
            // Generated rows send what the stories of the policy send, thousands of times.
            for check in StoreConformance.all where !check.name.hasPrefix("generated rows") {
                try await check.run(on: store)
                try await server.query(
                    "TRUNCATE sessions, users, events, login_throttle, settings, signing_keys", in: database)
            }
            await store.settleUnknownOutcomes(at: Sample.start)
        }
        let statements = Set(try Self.statements(in: server.folder.path + "/log"))
        await server.remove()
        for statement in statements {
            if let refusal = StatementShape.refusal(of: statement) { Issue.record("\(refusal): \(statement)") }
        }
        for word in ["FOR UPDATE", "UPDATE sessions AS s", "DELETE FROM sessions", "INSERT INTO sessions"] {
            #expect(statements.contains { $0.contains(word) }, "the log is read as it is written: \(word)")
        }
    }

    @Test(arguments: [
        "SELECT id, subject FROM sessions WHERE subject = $1 ORDER BY id FOR UPDATE",
        "SELECT id FROM sessions WHERE id = ANY ($1) ORDER BY id FOR UPDATE",
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id = ANY ($1) FOR UPDATE SKIP LOCKED)",
        "DELETE FROM sessions WHERE id = ANY ($1)",
        "UPDATE sessions SET device = '' WHERE id IN (SELECT id FROM sessions LIMIT 1)",
        "SELECT s.id FROM sessions s JOIN users u ON u.id = s.subject",
    ])
    func `a statement that a distributed table refuses is told by its text`(sql: String) {
        #expect(StatementShape.refusal(of: sql) != nil)
    }

    @Test func `the connections of batcher cut a statement off that a part of the database holds up`() async throws {
        try await withDatabase { server, database in
            for (options, expected) in [("", "2s"), ("?options=-c%20statement_timeout%3D300", "300ms")] {
                try await withStore(url: server.url(database) + options) { store async throws in
                    let setting = await withCheckedContinuation { answer in
                        store.batcher.workers[0].async { worker in
                            answer.resume(
                                returning: Result {
                                    try worker.use {
                                        try $0.execute("SELECT current_setting('statement_timeout')").first?.text(0)
                                    }
                                })
                        }
                    }
                    #expect(try setting.get() == expected)
                }
            }
        }
    }

    @Test func `a statement that cannot run is told to the operator`() async throws {
        try await withStore { store, database in
            try await store.tryStatements()
            try await PostgresServer.shared().query(
                "ALTER TABLE sessions RENAME COLUMN end_reason TO reason_of_end", in: database)
            let error = await #expect(throws: StoreError.self) { try await store.tryStatements() }
            #expect(error?.description.contains("The statement that turns sessions does not work.") == true)
        }
    }

    /// The statements in PostgreSQL's log, whose further lines begin with a tab.
    private static func statements(in file: String) throws -> [String] {
        var (found, isOpen): ([String], Bool) = ([], false)
        for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
            if let start = line.firstMatch(of: #/LOG: +(execute [^:]+|statement): /#) {
                found.append(String(line[start.range.upperBound...]))
                isOpen = true
            } else if isOpen, line.hasPrefix("\t") {
                found[found.count - 1] += " " + line.dropFirst()
            } else {
                isOpen = false
            }
        }
        return found
    }
}
