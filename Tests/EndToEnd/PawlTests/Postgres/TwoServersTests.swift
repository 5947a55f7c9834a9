import Foundation
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

/// What holds on one server holds on all of them at once.
@Suite("Two servers on one PostgreSQL", .timeLimit(.minutes(10)))
struct TwoServersTests {
    @Test(.tags(.p4, .p5))
    func `Fifty requests of one attempt, to both at once, get one successor`() async throws {
        let cluster = try await Cluster()
        let nodes = cluster.nodes
        let servers = try await cluster.serve()
        var token = try #require(try await nodes[0].register("ana").refreshToken)
        for round in 0..<5 {
            let answers = try await together(50) { [token] index in
                try await nodes[index % 2].refresh(token, attempt: "the-attempt-of-round-\(round)")
            }
            #expect(answers.allSatisfy { $0.status == 200 })
            let successors = Set(answers.compactMap { try? refreshToken($0.body) })
            #expect(successors.count == 1)
            token = try #require(successors.first)
        }
        let others = try await together(50) { [token] index in
            try await nodes[index % 2].refresh(token, attempt: "an-attempt-of-its-own-\(index)")
        }
        #expect(others.count { $0.status == 200 } == 1 && others.count { $0.status == 409 } == 49)
        #expect(await servers.stop() == [0, 0])
    }

    @Test(.tags(.p7))
    func `Sign-outs, disabling, roles, the throttle and keys hold on both`() async throws {
        let cluster = try await Cluster()
        let (one, two) = (cluster.nodes[0], cluster.nodes[1])
        let servers = try await cluster.serve()
        let ana = try await one.register("ana")
        let ben = try await two.register("ben")
        #expect(try await look(ana, at: two) == 200, "keys are shared from the start")

        #expect(try await pawl(two, "user", "roles", "ana", "auditor").status == 0)
        let refreshed = try await one.refresh(try #require(ana.refreshToken), attempt: "anas-first-attempt")
        #expect(refreshed.status == 200)
        let claims = try JSONDecoder().decode(TokenResponse.self, from: refreshed.body).accessToken.split(
            separator: ".")
        let payload = try #require(Data(base64URL: String(claims[1])))
        #expect(String(decoding: payload, as: UTF8.self).contains("auditor"))

        #expect(try await pawl(one, "user", "disable", "ben").status == 0)
        #expect(try await two.refresh(try #require(ben.refreshToken), attempt: "bens-first-attempt").status == 401)
        let out = try await two.send(
            .POST, PawlPath.logout, RefreshRequest(refreshToken: try refreshToken(refreshed.body)))
        #expect(out.status == 204)
        let after = try await one.refresh(try refreshToken(refreshed.body), attempt: "anas-second-attempt")
        #expect(after.status == 401)
        while try await look(ana, at: one) == 200 { try await Task.sleep(for: .milliseconds(50)) }  // each second

        var refused = 0
        for index in 0..<12 {
            let answer = try await cluster.nodes[index % 2].send(
                .POST, PawlPath.login, SignInRequest(identifier: "nobody", password: "wrong donkey", device: nil))
            if answer.status == 429 { refused += 1 }
        }
        #expect(refused >= 6, "five are free, on whichever server")

        #expect(try await pawl(one, "key", "rotate").status == 0)
        let keys = try await pawl(two, "key", "list").output
        #expect(keys.split(separator: "\n").count == 3)
        #expect(await servers.stop() == [0, 0])
        // With no server there, the commands use the database itself.
        #expect(try await pawl(one, "user", "list").output.contains("ben"))
        #expect(try await pawl(one, "doctor").output.contains("None answers here"))
    }

    // FAULTS A1
    @Test
    func
        `Eight right sign-ins of one user at both servers succeed, and most of forty wrong ones are refused unchecked`()
        async throws
    {
        let cluster = try await Cluster()
        let nodes = cluster.nodes
        let servers = try await cluster.serve()
        _ = try await nodes[0].register("ana")
        func signIn(_ password: String, times: Int) async throws -> [Int] {
            try await together(times) { index in
                try await nodes[index % 2].send(
                    .POST, PawlPath.login, SignInRequest(identifier: "ana", password: password, device: nil)
                ).status
            }
        }
        #expect(try await signIn("correct horse battery", times: 8) == Array(repeating: 200, count: 8))
        let wrong = try await signIn("wrong donkey", times: 40)
        // Five, and one more for each wait that passes on a slow machine.
        #expect((5...8).contains(wrong.count { $0 == 401 }) && wrong.allSatisfy { [401, 429, 503].contains($0) })
        #expect(await servers.stop() == [0, 0])
    }

    @Test(.tags(.p4))
    func `One is killed: the other goes on, and nobody is signed out`() async throws {
        let cluster = try await Cluster()
        let (one, two) = (cluster.nodes[0], cluster.nodes[1])
        let servers = try await cluster.serve()
        var token = try #require(try await one.register("ana").refreshToken)
        let sent = Task { [token] in try? await one.refresh(token, attempt: "the-attempt-in-between") }
        await servers[0].killHard()
        _ = await sent.value
        let answer = try await two.refresh(token, attempt: "the-attempt-in-between")
        #expect(answer.status == 200)
        token = try refreshToken(answer.body)
        #expect(try await two.refresh(token, attempt: "the-attempt-after-it").status == 200)
        let again = try await one.serve(cluster.arguments)
        #expect(await [again, servers[1]].stop() == [0, 0])
    }

    @Test(.tags(.p11))
    func `A restored backup: known sessions wait, and go on once one server is told so`() async throws {
        let cluster = try await Cluster()
        let nodes = cluster.nodes
        var servers = try await cluster.serve()
        var tokens: [String] = []
        for number in 0..<4 { tokens.append(try #require(try await nodes[0].register("user-\(number)").refreshToken)) }
        #expect(await servers.stop() == [0, 0])
        try await cluster.server.query(
            "CREATE DATABASE \(cluster.database)_backup TEMPLATE \(cluster.database)", in: "postgres")

        servers = try await cluster.serve()
        for index in tokens.indices {
            for round in 0..<3 {
                let answer = try await nodes[round % 2].refresh(
                    tokens[index], attempt: "lost-attempt-\(index)-\(round)")
                tokens[index] = try refreshToken(answer.body)
            }
        }
        let late = try #require(try await nodes[1].register("latecomer").refreshToken)
        for server in servers { await server.killHard() }
        try await cluster.server.query("DROP DATABASE \(cluster.database) WITH (FORCE)", in: "postgres")
        try await cluster.server.query(
            "ALTER DATABASE \(cluster.database)_backup RENAME TO \(cluster.database)", in: "postgres")

        servers = try await cluster.serve()
        for (index, token) in tokens.enumerated() {
            let answer = try await nodes[index % 2].refresh(token, attempt: "attempt-after-it-\(index)")
            let code = try problem(answer.body)
            #expect(answer.status == 503 && code == .sessionDiverged)
        }
        #expect(try await nodes[1].refresh(late, attempt: "latecomers-attempt").status == 401)
        #expect((servers[0].printed + servers[1].printed).contains("pawl recover open"))
        for node in nodes { #expect(try await pawl(node, "recover", "status").output.contains("undecided")) }
        #expect(try await pawl(nodes[0], "recover", "open").status == 0)
        for (index, token) in tokens.enumerated() {
            // The other server follows within a second or two.
            var answer = try await nodes[1].refresh(token, attempt: "attempt-after-it-\(index)")
            try await waitUntil("the other server") {
                guard answer.status == 503 else { return true }
                answer = try await nodes[1].refresh(token, attempt: "attempt-after-it-\(index)")
                return false
            }
            #expect(answer.status == 200)
            let next = try await nodes[0].refresh(try refreshToken(answer.body), attempt: "the-attempt-after-\(index)")
            #expect(next.status == 200)
        }
        #expect(try await pawl(nodes[1], "recover", "close").output.contains("closed"))
        let events = try await pawl(nodes[0], "event", "list", "--limit", "1000").output
        #expect(events.components(separatedBy: "session_recovered").count == 5)
        #expect(!events.contains("session_reused") && !events.contains("refresh_conflict"))
        #expect(await servers.stop() == [0, 0])
    }

    private func look(_ tokens: TokenResponse, at place: Workplace) async throws -> Int {
        try await place.send(.GET, PawlPath.session, headers: ["Authorization": "Bearer \(tokens.accessToken)"]).status
    }

    private func refreshToken(_ body: Data) throws -> String {
        try #require(try JSONDecoder().decode(TokenResponse.self, from: body).refreshToken)
    }

    private func problem(_ body: Data) throws -> Problem.Code {
        try JSONDecoder().decode(Problem.self, from: body).code
    }

    private func pawl(_ place: Workplace, _ arguments: String...) async throws -> (status: Int32, output: String) {
        try await PawlProcess.run(arguments + place.operating)
    }

    private func together<Value: Sendable>(
        _ count: Int, _ work: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { group in
            for index in 0..<count { group.addTask { try await work(index) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}

extension Data {
    /// Base64url without padding.
    fileprivate init?(base64URL text: String) {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        self.init(base64Encoded: plain.padding(toLength: (plain.count + 3) / 4 * 4, withPad: "=", startingAt: 0))
    }
}
