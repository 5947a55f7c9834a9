import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start
private let day: Int64 = 86400

/// Keys of the 90-day schedule with access tokens of 15 minutes: published 600 s ahead, kept for 960 s.
@Suite("Schedule of signing keys", .tags(.p2))
struct KeyScheduleTests {
    private static let schedule = KeySchedule(accessLifetime: 900)

    private static func key(_ id: String, activatesAt: UnixTime, algorithm: String = "ES256") -> SealedSigningKey {
        SealedSigningKey(id: id, algorithm: algorithm, seal: [], createdAt: start, activatesAt: activatesAt)
    }

    @Test func `the first key signs at once`() {
        #expect(Self.schedule.plan(for: [], at: start) == .init(activateNew: start))
    }

    @Test(
        arguments: [
            (0, nil), (90 * day - 601, nil), (90 * day - 600, 90 * day), (90 * day, 90 * day + 600),
            (200 * day, 200 * day + 600),
        ] as [(Int64, Int64?)])
    func `the next is published before it signs`(age: Int64, activatesAt: Int64?) {
        let plan = Self.schedule.plan(for: [Self.key("a", activatesAt: start)], at: start + age)
        #expect(plan == .init(activateNew: activatesAt.map { start + $0 }))
    }

    @Test func `no second one is made while the next waits`() {
        let keys = [Self.key("a", activatesAt: start), Self.key("b", activatesAt: start + 90 * day)]
        for age in [90 * day - 599, 90 * day - 1, 90 * day] {
            #expect(Self.schedule.plan(for: keys, at: start + age).activateNew == nil)
        }
    }

    @Test(arguments: [(0, []), (959, []), (960, ["a"]), (10 * day, ["a"])] as [(Int64, [String])])
    func `an old one is kept for as long as a token of it can live`(age: Int64, expired: [String]) {
        let keys = [Self.key("b", activatesAt: start), Self.key("a", activatesAt: start - 90 * day)]
        #expect(Self.schedule.plan(for: keys, at: start + age) == .init(expired: expired))
    }

    @Test func `a changed algorithm is published first, too`() {
        let schedule = KeySchedule(algorithm: .edDSA, accessLifetime: 900)
        let old = Self.key("a", activatesAt: start)
        #expect(schedule.plan(for: [old], at: start + day) == .init(activateNew: start + day + 600))
        let new = Self.key("b", activatesAt: start + day + 600, algorithm: "EdDSA")
        #expect(schedule.plan(for: [old, new], at: start + day + 60) == .init())
        #expect(schedule.plan(for: [old, new], at: start + day + 600 + 960) == .init(expired: ["a"]))
    }

    // FAULTS D0
    @Test func `a key that a clock 400 days ahead has made holds nothing up and pushes nothing out`() {
        let (key, stray) = (Self.key("a", activatesAt: start), Self.key("b", activatesAt: start + 400 * day))
        #expect(Self.schedule.plan(for: [key, stray], at: start + 10 * day) == .init())
        #expect(
            Self.schedule.plan(for: [key, stray], at: start + 90 * day - 600) == .init(activateNew: start + 90 * day))
        #expect(Self.schedule.plan(for: [stray], at: start) == .init(activateNew: start + 600))
    }

    @Test func `a period is an hour at least`() {
        #expect(KeySchedule(period: 1, accessLifetime: 900).period == 3600)
    }
}

@Suite("Key ring", .tags(.p2, .p3))
struct KeyRingTests {
    private static let hourly = KeySchedule(period: 3600, accessLifetime: 900)

    private static func keyID(_ grant: TokenGrant) -> String? { AccessTokenVerifier.keyID(of: grant.accessToken) }

    @Test func `hands over without a token refused`() async throws {
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

    @Test func `comes and goes with an event, by the schedule and by an operator`() async throws {
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

    @Test func `is the same after a restart`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let restarted = try await server.restarted()
        _ = try await restarted.claims(grant)
        #expect(restarted.engine.keys.publicKeys == server.engine.keys.publicKeys)
    }

    @Test func `follows what another node did`() async throws {
        let server = try await Server(schedule: Self.hourly)
        let other = try await Server(schedule: Self.hourly, clock: server.clock, store: server.store, seed: 2)
        server.clock.advance(by: 3000)
        try await server.engine.keys.refresh()
        try await other.engine.keys.refresh()
        #expect(other.engine.keys.publicKeys == server.engine.keys.publicKeys)
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `signs with the configured algorithm`(algorithm: SignatureAlgorithm) async throws {
        let server = try await Server(schedule: KeySchedule(algorithm: algorithm, accessLifetime: 900))
        _ = try await server.claims(try await server.register())
        #expect(server.engine.keys.publicKeys.keys.map(\.alg) == [algorithm.rawValue])
    }

    @Test func `changes the algorithm without a token refused`() async throws {
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

    @Test func `is sealed anew by a newer master secret, so that the old one can go`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let before = try await server.store.base.signingKeys()
        _ = try await server.restarted(secrets: try Server.secrets(2, 1))
        let after = try await server.store.base.signingKeys()
        #expect(after.map(\.id) == before.map(\.id) && after.map(\.seal) != before.map(\.seal))
        let newest = try await server.restarted(secrets: try Server.secrets(2))
        _ = try await newest.claims(grant)
    }

    @Test(.tags(.p12)) func `with the wrong master secret refuses, says what to do and changes nothing`() async throws {
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

    @Test func `is stored sealed, bound to its id and its secret`() throws {
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

@Suite("Operations credential", .tags(.p12))
struct OperationsCredentialTests {
    private let subject = OperationsCredential.Subject(method: "POST", path: "/admin/users", body: Array("{}".utf8))
    private let secrets: MasterSecrets

    init() throws { secrets = try Server.secrets(1) }

    private func isValid(_ header: String, at now: UnixTime = start) -> Bool {
        OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: now) != nil
    }

    @Test(arguments: [(-61, false), (-60, true), (0, true), (60, true), (61, false)] as [(Int64, Bool)])
    func `is good for a minute`(age: Int64, isGood: Bool) {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        #expect(isValid(header, at: start + age) == isGood)
    }

    @Test func `is good for its request alone`() {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        for (method, path, body) in [
            ("GET", "/admin/users", "{}"), ("POST", "/admin/user", "{}"), ("POST", "/admin/users", ""),
        ] {
            let other = OperationsCredential.Subject(method: method, path: path, body: Array(body.utf8))
            #expect(OperationsCredential.signer(of: header, for: other, secrets: secrets, at: start) == nil)
        }
    }

    @Test func `is good under any trusted secret, and under no other`() throws {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        func isValid(_ secrets: MasterSecrets) -> Bool {
            OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: start) != nil
        }
        #expect(isValid(try Server.secrets(2, 1)))
        #expect(!isValid(try Server.secrets(2, 1, distrusted: [1])))
        #expect(!isValid(try Server.secrets(2)))
    }

    @Test(
        arguments: [
            "", "Pawl-Operations", "Pawl-Operations ", "Pawl-Operations .", "Pawl-Operations 1800000000.",
            "Pawl-Operations 1800000000.AAAA", "Pawl-Operations -9223372036854775808.AAAA",
            "Pawl-Operations 9223372036854775807.AAAA", "Bearer 1800000000.AAAA", "Pawl-Operations 1800000000.AA.AA",
            "Pawl-Operations 99999999999999999999.AAAA",
        ])
    func `that is garbled is refused`(header: String) { #expect(!isValid(header)) }

    // FAULTS D3
    @Test(.tags(.p3)) func `comes with a body that holders of the secret alone can read, for its request alone`() throws
    {
        let sealed = try subject.sealed(by: secrets)
        #expect(!sealed.body.indices.contains { sealed.body[$0...].starts(with: subject.body) })
        #expect(sealed.openedBody(by: secrets.newest) == subject.body)
        #expect(sealed.openedBody(by: try Server.secrets(2).newest) == nil)
        #expect(try subject.sealed(by: secrets).body != sealed.body, "a nonce each")
        for (method, path) in [("PATCH", "/admin/users"), ("POST", "/admin/users/ana")] {
            let other = OperationsCredential.Subject(method: method, path: path, body: sealed.body)
            #expect(other.openedBody(by: secrets.newest) == nil)
        }
        for length in [0, 1, 12, 27, sealed.body.count - 1] {
            let cut = OperationsCredential.Subject(
                method: "POST", path: "/admin/users", body: Array(sealed.body.prefix(length)))
            #expect(cut.openedBody(by: secrets.newest) == nil)
        }
        let empty = OperationsCredential.Subject(method: "GET", path: "/admin/users", body: [])
        #expect(try empty.sealed(by: secrets).body.isEmpty)
    }

    // FAULTS D3
    @Test func `is answered with a proof for this request and this answer alone`() throws {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        let body = Array("[]".utf8)
        let proof = OperationsCredential.proof(status: 200, body: body, to: header, by: secrets.newest)
        func isProof(
            _ proof: String, _ status: Int = 200, _ body: [UInt8] = Array("[]".utf8), to header: String,
            _ secrets: MasterSecrets
        ) -> Bool {
            OperationsCredential.isProof(proof, status: status, body: body, to: header, secrets: secrets)
        }
        #expect(isProof(proof, to: header, secrets))
        #expect(!isProof(proof, 201, to: header, secrets))
        #expect(!isProof(proof, 200, Array("{}".utf8), to: header, secrets))
        #expect(!isProof(proof, to: header + "x", secrets))
        #expect(!isProof(proof, to: header, try Server.secrets(2)))
        let code = String(header.split(separator: ".").last ?? "")
        for garbled in ["", "proof=", "proof=AAAA", proof + "A", "proof=\(code)"] {
            #expect(!isProof(garbled, to: header, secrets), "\(garbled)")
        }
    }
}
