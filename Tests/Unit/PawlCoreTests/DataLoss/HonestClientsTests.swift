import PawlTesting
import Testing

@testable import PawlCore

/// Clients that keep the rules, under faults at random, before and after their server's database is put back.
@Suite("Honest clients after lost writes", .tags(.p5, .p11))
struct HonestClientsTests {
    /// A client's durable storage, and what a crash may put back.
    private struct Client {
        let name: String
        var jar: String
        var before: String?
        /// The name of the last attempt, answered or not.
        var kept = ""
        var isPending = false
        var names = 0

        mutating func nextName() -> String {
            if isPending { return kept }
            names += 1
            kept = "\(name) \(names)"
            isPending = true
            return kept
        }

        mutating func take(_ token: String) {
            if token != jar { before = jar }
            jar = token
            isPending = false
        }

        mutating func crash() {
            if let before { jar = before }
            before = nil
            isPending = !kept.isEmpty
        }
    }

    @Test(arguments: 1...60)
    func `none is taken for a thief, and all that the database knows go on`(seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let server = try await Server(seed: seed)
        var clients: [Client] = []
        for number in 1...3 {
            clients.append(Client(name: "c\(number)", jar: try await server.register("c\(number)").refreshToken))
        }
        try await live(&clients, on: server, steps: 12, &generator)
        let backup = try Backup(of: server)
        try await live(&clients, on: server, steps: 24, &generator)
        server.clock.advance(by: 31)
        try backup.putBack(into: server)
        let restored = try await server.restarted()

        // A client that turned since the backup waits, or goes on from what a crash has put back; nobody is turned away.
        var waiting = 0
        for index in clients.indices {
            do {
                try await refresh(&clients[index], on: restored)
            } catch {
                #expect(error as? SessionError == .sessionDiverged)
                waiting += 1
            }
        }
        #expect(waiting > 0, "a run in which nothing is lost proves nothing")
        #expect(try await restored.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        try await live(&clients, on: restored, steps: 24, &generator)
        for index in clients.indices { try await refresh(&clients[index], on: restored) }
        #expect(try await restored.events(.sessionReused, .reuseReported, .sessionEnded).isEmpty)
    }

    /// Refreshes, lost answers and crashes, one fault at a time.
    private func live(
        _ clients: inout [Client], on server: Server, steps: Int, _ generator: inout SplitMix64
    ) async throws {
        for _ in 0..<steps {
            let index = Int.random(in: clients.indices, using: &generator)
            server.clock.advance(by: Int64.random(in: 1...40, using: &generator))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                let name = clients[index].nextName()
                try await server.refresh(clients[index].jar, as: name)  // and the answer is lost
            case 1 where !clients[index].isPending:
                clients[index].crash()
            default:
                try await refresh(&clients[index], on: server)
            }
        }
    }

    private func refresh(_ client: inout Client, on server: Server) async throws {
        let name = client.nextName()
        client.take(try await server.refresh(client.jar, as: name).refreshToken)
    }
}
