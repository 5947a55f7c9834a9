import Foundation
import NIOHTTP1
import PawlAPI
import Testing

@Suite("kill -9", .serialized)
struct CrashTests {
    /// One client with its journal: the token it holds, and the attempt under way, if any.
    struct Client: Sendable {
        var token: String
        var attempt: String?
    }

    @Test("Nothing acknowledged is lost, and every client's retry goes on where it was")
    func rotations() async throws {
        let place = try Workplace()
        var server = try await place.serve()
        var clients: [Client] = []
        for number in 0..<8 {
            clients.append(Client(token: try #require(try await place.register("user-\(number)").refreshToken)))
        }
        for round in 0..<3 {
            let running = server
            let (rotations, rotated) = AsyncStream<Void>.makeStream()
            clients = await withTaskGroup(of: Client.self) { group in
                for (number, client) in clients.enumerated() {
                    group.addTask { await load(client, "\(round)-\(number)", place, rotated) }
                }
                group.addTask {
                    var count = 0
                    for await _ in rotations {
                        count += 1
                        if count == 40 { break }  // in the middle of the load, whenever that is
                    }
                    await running.killHard()
                    return Client(token: "")
                }
                return await group.reduce(into: []) { if !$1.token.isEmpty { $0.append($1) } }
            }
            #expect(clients.count == 8)
            server = try await place.serve()
            for index in clients.indices {
                let attempt = clients[index].attempt ?? "after-the-crash-\(round)-\(index)"
                let answer = try await place.refresh(clients[index].token, attempt: attempt)
                #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                let tokens = try JSONDecoder().decode(TokenResponse.self, from: answer.body)
                clients[index] = Client(token: try #require(tokens.refreshToken))
            }
        }
        #expect(await server.stop() == 0)
    }

    /// Refreshes until the server is gone, writing the attempt down before it leaves, as a client must.
    private func load(
        _ client: Client, _ name: String, _ place: Workplace, _ rotated: AsyncStream<Void>.Continuation
    ) async -> Client {
        var client = client
        for number in 0..<100_000 {
            client.attempt = "attempt-of-\(name)-\(number)-of-many"
            do {
                let answer = try await place.refresh(client.token, attempt: client.attempt ?? "")
                let tokens = try JSONDecoder().decode(TokenResponse.self, from: answer.body)
                client.token = tokens.refreshToken ?? client.token
                client.attempt = nil
                rotated.yield()
            } catch {
                return client
            }
        }
        return client
    }

    @Test("A sign-out and a new password that were acknowledged stay")
    func signOut() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let alice = try await place.register("alice")
        let bob = try await place.register("bob")
        let out = try await place.send(
            .POST, PawlPath.logout, RefreshRequest(refreshToken: try #require(alice.refreshToken)))
        let change = try await place.send(
            .PUT, PawlPath.password,
            PasswordChangeRequest(
                refreshToken: try #require(bob.refreshToken), current: "correct horse battery",
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

    @Test("After a clean stop the one file holds everything: a copy of it, with the secret, is a backup")
    func copyAfterStop() async throws {
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
