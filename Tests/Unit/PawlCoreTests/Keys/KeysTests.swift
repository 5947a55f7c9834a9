import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

private let start = UnixTime(seconds: 1_800_000_000)

@Suite("Key ring", .tags(.p2, .p3))
struct KeyRingTests {
    private static let hourly = KeySchedule(period: 3600, accessLifetime: 900)

    private static func keyID(_ grant: TokenGrant) -> String? { SignedToken.keyID(of: grant.accessToken) }

    @Test func `the key ring hands over without a token refused`() async throws {
        let server = try await Server(schedule: Self.hourly)
        var grant = try await server.register()
        let first = try Self.keyID(grant).orThrow()
        #expect(server.engine.keys.publicKeys.keys.map(\.kid) == [first])

        // Ten minutes before its turn the next key is published, and does not sign.
        server.clock.advance(by: 3000)
        try await server.engine.keys.refresh()
        #expect(server.engine.keys.publicKeys.keys.count == 2)
        grant = try await server.refresh(grant.refreshToken)
        #expect(Self.keyID(grant) == first)

        server.clock.advance(by: 599)
        let last = try await server.refresh(grant.refreshToken)
        #expect(Self.keyID(last) == first)
        server.clock.advance(by: 1)
        let next = try await server.refresh(last.refreshToken)
        let second = try Self.keyID(next).orThrow()
        #expect(second != first)

        // The old key's last token lives out its life; then the key is gone.
        server.clock.advance(by: 898)
        try await server.engine.keys.refresh()
        _ = try await server.claims(last)
        server.clock.advance(by: 62)
        try await server.keepHouse()
        try await server.engine.keys.refresh()
        #expect(server.engine.keys.publicKeys.keys.map(\.kid) == [second])
    }

    @Test func `the key ring comes and goes with an event, by the schedule and by an operator`() async throws {
        let server = try await Server(schedule: Self.hourly)
        let first = try #require(server.engine.keys.publicKeys.keys.first?.kid)
        try await server.engine.keys.refresh()
        let created = try #require(try await server.events(.keyCreated).first)
        #expect(
            created.details == ["key": first, "algorithm": "ES256", "activates_at": server.clock.now.rfc3339]
                && created.at == server.clock.now)
        server.clock.advance(by: 3000)
        try await server.engine.keys.refresh()
        server.clock.advance(by: 3600)
        try await server.keepHouse()
        try await server.engine.keys.refresh()
        #expect(try await server.events(.keyRetired).map(\.details) == [["key": first]])

        let second = try #require(try await server.events(.keyCreated).dropFirst().first?.details["key"])
        #expect(try await server.engine.keys.retire(second))
        #expect(try await server.engine.keys.retire(second) == false)
        #expect(
            try await server.events(.keyRetired).map(\.details) == [["key": first], ["key": second, "by": "operator"]])
        for kind in [Event.Kind.keyCreated, .keyRetired] {
            #expect(server.logs.text.contains("event=\(kind.rawValue)"))
        }
        let made = try await server.events(.keyCreated).compactMap { $0.details["key"] }
        #expect(Set(made).subtracting([first, second]) == Set(server.engine.keys.publicKeys.keys.compactMap(\.kid)))
    }

    @Test func `the key ring is the same after a restart`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let restarted = try await server.restarted()
        _ = try await restarted.claims(grant)
        #expect(restarted.engine.keys.publicKeys == server.engine.keys.publicKeys)
    }

    @Test func `the key ring follows what another node did`() async throws {
        let server = try await Server(schedule: Self.hourly)
        let other = try await Server(schedule: Self.hourly, clock: server.clock, store: server.store, seed: 2)
        server.clock.advance(by: 3000)
        try await server.engine.keys.refresh()
        try await other.engine.keys.refresh()
        #expect(other.engine.keys.publicKeys == server.engine.keys.publicKeys)
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `the key ring signs with the configured algorithm`(algorithm: SignatureAlgorithm) async throws {
        let server = try await Server(schedule: KeySchedule(algorithm: algorithm, accessLifetime: 900))
        _ = try await server.claims(try await server.register())
        #expect(server.engine.keys.publicKeys.keys.map(\.alg) == [algorithm.rawValue])
    }

    @Test func `the key ring changes the algorithm without a token refused`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.clock.advance(by: 3600)
        let old = try await server.refresh(first.refreshToken)
        let edDSA = KeySchedule(algorithm: .edDSA, accessLifetime: 900)
        let other = try await Server(schedule: edDSA, clock: server.clock, store: server.store, seed: 2)
        #expect(Set(other.engine.keys.publicKeys.keys.map(\.alg)) == ["ES256", "EdDSA"])
        let between = try await other.refresh(old.refreshToken)
        #expect(Self.keyID(between) == Self.keyID(old))
        other.clock.advance(by: 600)
        let new = try await other.refresh(between.refreshToken)
        #expect(Self.keyID(new) != Self.keyID(old))
        for grant in [old, between, new] { _ = try await other.claims(grant) }
    }

    @Test func `a clock that jumps takes out no key whose tokens live, and servers that differ do not race`()
        async throws
    {
        let server = try await Server()
        let grant = try await server.register()
        try await server.keepHouse()
        for days in [91, 92] {
            server.clock.jump(by: Int64(days) * 86400)
            server.clock.advance(by: 60)
            try await server.keepHouse()
            try await server.engine.keys.refresh()
            server.clock.jump(by: -Int64(days) * 86400)
        }
        try await server.engine.keys.refresh()
        _ = try await server.claims(grant)
        let edDSA = KeySchedule(algorithm: .edDSA, accessLifetime: 900)
        let other = try await Server(schedule: edDSA, clock: server.clock, store: server.store, seed: 2)
        let before = server.engine.keys.publicKeys.keys.count
        for _ in 1...50 {
            server.clock.advance(by: 60)
            try await server.engine.keys.refresh()
            try await other.engine.keys.refresh()
        }
        #expect(other.engine.keys.publicKeys.keys.count <= before + 1)
    }

    @Test func `the key ring is sealed anew by a newer master secret, so that the old one can go`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let before = try await server.store.base.signingKeys()
        _ = try await server.restarted(secrets: try Server.secrets(2, 1))
        let after = try await server.store.base.signingKeys()
        #expect(after.map(\.id) == before.map(\.id) && after.map(\.seal) != before.map(\.seal))
        let newest = try await server.restarted(secrets: try Server.secrets(2))
        _ = try await newest.claims(grant)
    }

    @Test(.tags(.p12)) func `the key ring with the wrong master secret refuses, says what to do and changes nothing`()
        async throws
    {
        let server = try await Server()
        let keys = try await server.store.base.signingKeys()
        let error = await #expect(throws: KeysError.self) {
            _ = try await server.restarted(secrets: try Server.secrets(9))
        }
        #expect(error?.description.contains("Start with the master secret") == true)
        #expect(try await server.store.base.signingKeys() == keys)
    }

    @Test func `publishes public members only`() async throws {
        let server = try await Server()
        let keys = server.engine.keys.publicKeys.keys
        #expect(keys.count == 1)
        #expect(keys.allSatisfy { $0.kty == "EC" && $0.crv == "P-256" && $0.use == "sig" && $0.kid != nil })
    }

    @Test func `a signing key is stored sealed, bound to its id and its secret`() throws {
        let secrets = try Server.secrets(1)
        let key = SigningKey(id: "a", generating: .es256)
        let sealed = try SealedSigningKey(key, secrets: secrets, createdAt: start, activatesAt: start)
        #expect(sealed.open(with: secrets)?.rawRepresentation == key.rawRepresentation)
        #expect(sealed.open(with: try Server.secrets(2, 1))?.rawRepresentation == key.rawRepresentation)
        #expect(sealed.open(with: try Server.secrets(2)) == nil)
        let renamed = SealedSigningKey(
            id: "b", algorithm: sealed.algorithm, seal: sealed.seal, createdAt: start, activatesAt: start)
        #expect(renamed.open(with: secrets) == nil)
        for place in sealed.seal.indices {
            var seal = sealed.seal
            seal[place] ^= 1
            let changed = SealedSigningKey(
                id: "a", algorithm: sealed.algorithm, seal: seal, createdAt: start, activatesAt: start)
            #expect(changed.open(with: secrets) == nil)
        }
        #expect(!"\(sealed.seal)".contains(key.rawRepresentation.prefix(4).map(String.init).joined(separator: ", ")))
    }
}
