import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

/// What waits for the database most is the network between: it is counted at a proxy.
@Suite("Round trips to PostgreSQL", .timeLimit(.minutes(2)))
struct RoundTripTests {
    @Test func `a sign-in takes at most 12 round trips, and a refresh one`() async throws {
        try await withProxy { store, proxy in
            let secrets = try MasterSecrets(newestFirst: [MasterSecret(Secret(Sample.bytes(1))).orThrow()])
            let engine = try await Engine.sample(on: store, secrets: secrets)
            try await engine.prepare()
            let credentials = Credentials(
                identifier: try Identifier("ana").orThrow(), password: try Password("correct horse battery").orThrow(),
                device: "")
            _ = try await engine.accounts.register(credentials, origin: Sample.origin, delivery: .body)
            func login() async throws -> TokenGrant {
                try await engine.accounts.login(credentials, origin: Sample.origin, delivery: .body)
            }
            func refresh(_ grant: TokenGrant) async throws -> TokenGrant {
                try await engine.sessions.refresh(
                    PresentedToken(
                        refreshToken: grant.refreshToken, delivery: .body, attempt: nil, origin: Sample.origin))
            }
            // A connection prepares each statement at its first use.
            for _ in 1...8 { _ = try await refresh(try await login()) }
            let before = proxy.roundTrips
            let grant = try await login()
            let between = proxy.roundTrips
            _ = try await refresh(grant)
            let after = proxy.roundTrips
            #expect((1...12).contains(between - before), "\(between - before)")
            #expect(after - between == 1)
        }
    }

    @Test func `a transaction that asks for nothing takes none, and one that fails at once leaves a usable connection`()
        async throws
    {
        try await withProxy { store, proxy in
            let before = proxy.roundTrips
            try await store.transaction { _ in }
            #expect(proxy.roundTrips == before)
            for sql in ["SELECT 1 / (SELECT 0)", "SELECT count(*) FROM nowhere"] {
                await #expect(throws: StoreError.self) {
                    try await store.transaction { connection in _ = try connection.execute(sql) }
                }
            }
            let one = try await store.transaction { connection in
                try connection.execute("SELECT 1::bigint").first?.integer(0)
            }
            #expect(one == 1)
        }
    }
}
