import Foundation
import NIOHTTP1
import PawlAPI
import ServerTesting
import Testing

@Suite("A restored backup", .timeLimit(.minutes(10)))
struct RecoveryTests {
    /// What a client holds, and the name of its last attempt.
    private struct Client: Sendable {
        var token: String
        var spent: [String] = []
    }

    @Test
    func `Known sessions wait, and go on once the operator says so; no theft is seen; the losses are told`()
        async throws
    {
        let place = try Workplace()
        var server = try await place.serve()
        var clients: [Client] = []
        for number in 0..<6 {
            let tokens = try await place.register("user-\(number)")
            clients.append(Client(token: try #require(tokens.refreshToken)))
        }
        #expect(await server.stop() == 0)
        let file = place.folder.appending(path: "p.sqlite")
        let backup = place.folder.appending(path: "backup.sqlite")
        try FileManager.default.copyItem(at: file, to: backup)

        server = try await place.serve()
        for round in 0..<3 {
            for index in clients.indices {
                let answer = try await refresh(clients[index].token, "before-\(round)-\(index)", at: place)
                #expect(answer.status == 200)
                clients[index].spent.append(clients[index].token)
                clients[index].token = try answer.token
            }
        }
        let late = try #require(try await place.register("latecomer").refreshToken)
        await server.killHard()
        for suffix in ["", "-wal", "-shm"] {
            let path = file.path + suffix
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        }
        try FileManager.default.copyItem(at: backup, to: file)

        server = try await place.serve()
        for (index, client) in clients.enumerated() {
            let answer = try await refresh(client.token, "after-\(index)", at: place)
            #expect(answer.status == 503 && answer.problem?.code == .sessionDiverged)
        }
        #expect(try await refresh(late, "latecomer", at: place).status == 401)
        #expect(server.printed.contains("pawl recover open"))
        let waiting = try #require(try await status(of: place).incidents.first)
        #expect(waiting.state == "undecided")
        #expect(try await metrics(of: place).contains("pawl_recovery_state 1"))

        let opened = try await pawl(place, "open", "--end-user", "user-5")
        #expect(opened.status == 0)
        #expect(opened.output.contains("1 sessions were ended first") && opened.output.contains("sign-outs"))
        var goneOn = clients
        for index in 0..<4 {
            let first = try await refresh(clients[index].token, "after-\(index)", at: place)
            let again = try await refresh(clients[index].token, "after-\(index)", at: place)
            #expect(first.status == 200)
            #expect(try first.token == again.token, "the retry is a replay")
            goneOn[index].token = try first.token
            let next = try await refresh(goneOn[index].token, "later-\(index)", at: place)
            #expect(next.status == 200)
            goneOn[index].token = try next.token
            // A stuck request of the lost interval is no theft.
            let old = try await refresh(clients[index].spent[1], "stuck-\(index)", at: place)
            #expect(old.status == 401 && old.problem?.reason == "lost")
        }
        let revoked = try await refresh(clients[5].token, "after-5", at: place)
        #expect(revoked.status == 401 && revoked.problem?.reason == "revoked")
        #expect(try await metrics(of: place).contains("pawl_recovery_state 2"))

        // The decision is in the database, not in the process.
        await server.killHard()
        server = try await place.serve()
        let told = try await status(of: place)
        #expect(told.incidents.map(\.state) == ["open"] && told.recovered == 4 && told.lost == 0)
        #expect(told.silent == 1, "user-4 has not come yet")
        #expect(try await pawl(place, "close").output.contains("closed"))
        for _ in 0..<2 {
            let straggler = try await refresh(clients[4].token, "after-4", at: place)
            #expect(straggler.status == 401 && straggler.problem?.reason == "lost")
        }
        for index in 0..<4 {
            #expect(try await refresh(goneOn[index].token, "last-\(index)", at: place).status == 200)
        }
        #expect(try await status(of: place).lost == 1)

        let events = try await PawlProcess.run(["event", "list", "--limit", "1000"] + place.operating).output
        for kind in ["database_diverged", "recovery_opened", "recovery_closed"] {
            #expect(events.components(separatedBy: kind).count == 2, "\(kind) once")
        }
        #expect(events.components(separatedBy: "session_recovered").count == 5)
        #expect(!events.contains("session_reused") && !events.contains("refresh_conflict"))
        #expect(await server.stop() == 0)
    }

    @Test
    func `An operator who knows better opens ahead, from a lost interval of their own`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        _ = try await place.register("alice")
        #expect(try await pawl(place, "status").output.contains("No lost writes are known."))
        let refused = try await pawl(place, "open")
        #expect(refused.status != 0 && refused.output.contains("give both ends"))
        let upsideDown = try await pawl(
            place, "open", "--lost-from", "2026-01-02T00:00:00Z", "--lost-until", "2026-01-01T00:00:00Z")
        #expect(upsideDown.output.contains("ends before it begins"))
        let nobody = try await pawl(place, "open", "--end-user", "nobody")
        #expect(nobody.status != 0 && nobody.output.contains("nobody: There is no such user. Nothing was opened."))
        let opened = try await pawl(
            place, "open", "--lost-from", "2026-01-01T00:00:00Z", "--lost-until", "2026-01-02T00:00:00Z",
            "--end-since", "2026-01-01T00:00:00Z")
        #expect(opened.output.contains("open") && opened.output.contains("1 sessions were ended first"))
        #expect(await server.stop() == 0)
    }

    private struct Answer {
        let status: Int
        let body: Data
        var problem: Problem? { try? JSONDecoder().decode(Problem.self, from: body) }
        var token: String {
            get throws { try JSONDecoder().decode(TokenResponse.self, from: body).refreshToken ?? "" }
        }
    }

    private func refresh(_ token: String, _ attempt: String, at place: Workplace) async throws -> Answer {
        let answer = try await place.refresh(token, attempt: "the-attempt-\(attempt)-of-a-client")
        return Answer(status: answer.status, body: answer.body)
    }

    private func pawl(_ place: Workplace, _ arguments: String...) async throws -> (status: Int32, output: String) {
        try await PawlProcess.run(["recover"] + arguments + place.operating)
    }

    private func status(of place: Workplace) async throws -> RecoveryStatus {
        let json = try await pawl(place, "status", "--json").output
        return try JSONDecoder().decode(RecoveryStatus.self, from: Data(json.utf8))
    }

    private func metrics(of place: Workplace) async throws -> String {
        String(decoding: try await place.send(.GET, PawlPath.metrics, port: place.opsPort).body, as: UTF8.self)
    }
}
