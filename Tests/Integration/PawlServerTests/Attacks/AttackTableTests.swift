import NIOHTTP1
import PawlTesting
import Testing

/// One row of the table of attacks: its words, and the attack against a real server with the answer that is right.
struct Attack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var prepare: @Sendable (inout LiveServer.Options) throws -> Void = { _ in }
    let run: @Sendable (LiveServer) async throws -> Void

    init(
        _ words: String, prepare: @escaping @Sendable (inout LiveServer.Options) throws -> Void = { _ in },
        run: @escaping @Sendable (LiveServer) async throws -> Void
    ) {
        testDescription = words
        self.prepare = prepare
        self.run = run
    }
}

@Suite("Attacks", .serialized, .timeLimit(.minutes(5)))
struct AttackTableTests {
    @Test(.tags(.p1, .p10), arguments: Attack.atSignIn)
    func `At signing in`(_ attack: Attack) async throws { try await run(attack) }

    @Test(.tags(.p4, .p5, .p6), arguments: Attack.withRefreshTokens)
    func `With refresh tokens`(_ attack: Attack) async throws { try await run(attack) }

    @Test(.tags(.p2, .p7), arguments: Attack.withAccessTokens)
    func `With access tokens`(_ attack: Attack) async throws { try await run(attack) }

    @Test(.tags(.p12), arguments: Attack.fromOtherSites)
    func `From other sites`(_ attack: Attack) async throws { try await run(attack) }

    @Test(.tags(.p12), arguments: Attack.byOddRequests)
    func `By odd requests`(_ attack: Attack) async throws { try await run(attack) }

    @Test(.tags(.p3), arguments: Attack.onWhatIsLeftBehind)
    func `On what is left behind`(_ attack: Attack) async throws { try await run(attack) }

    private func run(_ attack: Attack) async throws {
        var options = LiveServer.Options()
        try attack.prepare(&options)
        try await LiveServer.run(options) { server in
            try await attack.run(server)
            // Whatever it was, the server lives.
            #expect(try await server.send(.GET, "/healthz").status == 200)
        }
    }
}

extension TestAPI.Answer {
    /// All that a client can tell answers apart by: status, headers without date and ids, body.
    var telltale: String {
        let fields = headers.filter { !["date", "x-request-id"].contains($0.name.lowercased()) }
        return "\(status) \(fields.map { "\($0.name): \($0.value)" }.sorted()) \(text)"
    }
}
