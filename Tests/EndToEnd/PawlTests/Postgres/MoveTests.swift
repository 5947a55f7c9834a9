import Foundation
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlSQL
import PawlSQLite
import PawlTesting
import ServerTesting
import Testing

@Suite("Moving from SQLite to PostgreSQL", .timeLimit(.minutes(10)))
struct MoveTests {
    @Test(.tags(.p4))
    func `A live installation is copied, brought up to date, checked and left; nobody is signed out`() async throws {
        let old = try Workplace()
        let server = try await old.serve()
        let postgres = try await PostgresServer.shared()
        let url = postgres.url(try await postgres.makeDatabase())
        var tokens: [String] = []
        for number in 0..<3 { tokens.append(try #require(try await old.register("user-\(number)").refreshToken)) }

        let first = try await migrate(old, to: url)
        #expect(first.status == 0 && first.output.contains("A server still serves the old database."))
        let secret = try String(contentsOfFile: old.secretFile, encoding: .utf8)
        let new = try Workplace(url: url, secret: secret)
        let early = try new.start()
        #expect(await early.end() != 0)
        #expect(early.printed.contains("not all of it is here yet"))

        // Meanwhile one goes on, one signs out, one comes.
        let turned = try await old.refresh(tokens[0], attempt: "an-attempt-meanwhile")
        let successor = try #require(try JSONDecoder().decode(TokenResponse.self, from: turned.body).refreshToken)
        _ = try await old.send(.POST, PawlPath.logout, RefreshRequest(refreshToken: tokens[1]))
        let late = try #require(try await old.register("latecomer").refreshToken)
        #expect(await server.stop() == 0)

        let second = try await migrate(old, to: url)
        #expect(second.status == 0 && !second.output.contains("not yet"))
        #expect(second.output.contains("users           4     1"))
        #expect(second.output.contains("sessions        4     3"))
        let again = try old.start()
        #expect(await again.end() != 0)
        #expect(again.printed.contains("has been moved to PostgreSQL"))
        let refused = try await migrate(old, to: url)
        #expect(refused.status != 0 && refused.output.contains("holds an installation already"))

        let next = try await new.serve(["--public-url", "http://localhost:\(old.port)"])
        let retry = try await new.refresh(tokens[0], attempt: "an-attempt-meanwhile")
        #expect(try JSONDecoder().decode(TokenResponse.self, from: retry.body).refreshToken == successor, "a replay")
        for (token, status) in [(successor, 200), (tokens[1], 401), (tokens[2], 200), (late, 200)] {
            #expect(try await new.refresh(token, attempt: "an-attempt-in-the-new-one").status == status)
        }
        let login = try await new.send(
            .POST, PawlPath.login,
            SignInRequest(identifier: "user-1", password: "correct horse battery", device: nil))
        #expect(login.status == 200)
        #expect(await next.stop() == 0)
    }

    @Test
    func `One that is killed in the middle goes on where it was`() async throws {
        let old = try Workplace()
        #expect(await (try await old.serve()).stop() == 0)
        let store = try await SQLiteStore(path: old.folder.path + "/p.sqlite", logger: Logger(label: "test"))
        let user = try Sample.user("owner")
        for first in stride(from: UInt64(0), to: 20_000, by: 5000) {
            let sessions = try (first..<first + 5000).map { SessionRow.values(try Sample.session(of: user, $0)) }
            try await store.put(sessions, into: SessionRow.table)
        }
        try await store.close()
        let postgres = try await PostgresServer.shared()
        let database = try await postgres.makeDatabase()
        let process = try PawlProcess("pawl", arguments(old, to: postgres.url(database)))
        try await process.waitUntilPrinted("Rows copied")
        await process.killHard()
        let count = Int(try await postgres.query("SELECT count(*) FROM sessions", in: database)) ?? 0
        #expect(count > 0 && count < 20_000)

        let result = try await migrate(old, to: postgres.url(database))
        #expect(result.status == 0 && !result.output.contains("not yet"))
        #expect(try await postgres.query("SELECT count(*) FROM sessions", in: database) == "20000")
        let changes = try #require(result.output.firstMatch(of: #/sessions +20000 +(\d+) +yes/#))
        #expect((Int(changes.1) ?? 0) <= 20_000 - count, "what was there was not written again")
    }

    private func arguments(_ place: Workplace, to url: String) -> [String] {
        ["move", "--from", place.database, "--to", url]
    }

    private func migrate(_ place: Workplace, to url: String) async throws -> (status: Int32, output: String) {
        try await PawlProcess.run(arguments(place, to: url))
    }
}
