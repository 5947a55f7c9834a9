import Foundation
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("kill -9", .serialized, .timeLimit(.minutes(10)))
struct CrashTests {
    private static let rounds = 50

    @Test(.tags(.p4, .p5))
    func `In the middle of a load: nothing acknowledged is lost, and no client is signed out`() async throws {
        try await load(at: Workplace())
    }

    @Test(.tags(.p4, .p5))
    func `The same on PostgreSQL, beside another server`() async throws {
        let cluster = try await Cluster()
        let other = try await cluster.nodes[1].serve(cluster.arguments)
        try await load(at: cluster.nodes[0])
        #expect(await other.stop() == 0)
    }

    private func load(at place: Workplace) async throws {
        var server = try await place.serve()
        var clients: [CrashClient] = []
        let roles: [CrashClient.Role] = [.refresher, .refresher, .refresher, .refresher, .visitor, .visitor, .changer]
        for (number, role) in roles.enumerated() {
            var client = CrashClient(name: "user-\(number)", role: role)
            client.journal.token = try await place.register(client.name).refreshToken
            clients.append(client)
        }
        for round in 1...Self.rounds {
            let running = server
            let (answers, answered) = AsyncStream<Void>.makeStream()
            let moment = Int.random(in: 1...80)
            clients = try await withThrowingTaskGroup(of: CrashClient?.self) { group in
                for client in clients {
                    group.addTask {
                        var client = client
                        try await client.work(at: place) { answered.yield() }
                        return client
                    }
                }
                group.addTask {
                    var count = 0
                    for await _ in answers {
                        count += 1
                        if count == moment { break }
                    }
                    await running.killHard()
                    return nil
                }
                return try await group.reduce(into: []) { if let client = $1 { $0.append(client) } }
            }
            try #require(clients.count == roles.count)
            try await CrashChecker(place).check(clients, round: round)
            server = try await place.serve()
            for index in clients.indices {
                clients[index].pastEnds = clients[index].journal.ended
                try await clients[index].goOn(at: place)
            }
        }
        #expect(await server.stop() == 0)
        let total = clients.reduce(into: CrashClient.Count()) { $0 += $1.count }
        print("\(Self.rounds) times kill -9: \(total). Nothing was lost.")
        #expect(total.refreshes > Self.rounds && total.signOuts > 0 && total.passwords > 0)
    }

    @Test
    func `A sign-out and a new password that were acknowledged stay`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let alice = try await place.register("alice")
        let bob = try await place.register("bob")
        let out = try await place.send(
            .POST, PawlPath.logout, RefreshRequest(refreshToken: alice.refreshToken))
        let change = try await place.send(
            .PUT, PawlPath.password,
            PasswordChangeRequest(
                refreshToken: bob.refreshToken, current: "correct horse battery",
                new: "wrong donkey capacitor"))
        await server.killHard()
        #expect(out.status == 204)
        #expect(change.status == 200)

        let next = try await place.serve()
        #expect(try await place.refresh(try #require(alice.refreshToken), attempt: "alices-attempt-01").status == 401)
        for (password, status) in [("correct horse battery", 401), ("wrong donkey capacitor", 200)] {
            let login = try await place.send(
                .POST, PawlPath.login, SignInRequest(identifier: "bob", password: password, device: nil))
            #expect(login.status == status)
        }
        #expect(await next.stop() == 0)
    }

    @Test
    func `After a clean stop the one file holds everything: a copy of it, with the secret, is a backup`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let alice = try await place.register("alice")
        #expect(await server.stop() == 0)

        let other = try Workplace()
        for name in ["p.sqlite", "p.sqlite.master-secret"] {
            try FileManager.default.copyItem(
                at: place.folder.appending(path: name), to: other.folder.appending(path: name))
        }
        let restored = try await other.serve(["--public-url", "http://localhost:\(place.port)"])
        #expect(try await other.refresh(try #require(alice.refreshToken), attempt: "alices-attempt-01").status == 200)
        #expect(await restored.stop() == 0)
    }
}
