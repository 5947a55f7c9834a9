import Foundation
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlPasswords
import PawlTesting
import Testing

@testable import PawlServer

extension OperationsTests {
    @Test(.tags(.p3))
    func `The status tells what runs and which keys are in use, and no secret`() async throws {
        try await operate { server, root in
            _ = try await server.register("alice")
            server.clock.advance(by: 90)
            let answer = try await root.send(.GET, PawlPath.adminStatus)
            let status = try answer.decode(StatusReport.self)
            #expect(status.version == Pawl.version)
            #expect(status.server?.publicURL == LiveServer.publicURL)
            #expect(status.database.sessions == 1 && status.database.users == 1)
            #expect(status.signingKey?.age == 90)
            #expect(status.masterSecrets.map(\.newest) == [true])
            #expect(status.masterSecrets.first?.keyID.count == 2)
        }
    }

    @Test
    func `A store that makes no backup says so, and the next try is not in its way`() async throws {
        try await operate { server, root in
            for _ in 0..<2 {
                let answer = try await root.send(.POST, PawlPath.adminBackup, #"{"file":"/tmp/x"}"#)
                #expect(answer.status == 409)
                #expect(try answer.problem.code == .backupFailed)
                #expect(try answer.problem.detail.contains("in memory"))
            }
            #expect(try await root.send(.GET, PawlPath.adminBackup).decode(BackupState.self).phase == "idle")
        }
    }
}

@Suite("The doctor", .timeLimit(.minutes(5)))
struct DiagnosisTests {
    private let clock = ManualClock()
    private let store = MemoryStore()

    private static let secrets = [3, 4, 5].compactMap { MasterSecret(Secret(Sample.bytes($0))) }

    /// A server on `secrets` as it starts, and what the doctor finds then.
    private func find(
        _ secrets: [MasterSecret], publicURL: String = "https://pawl.test", starts: Bool = true
    ) async throws -> [Finding] {
        let secrets = try MasterSecrets(newestFirst: secrets)
        let configuration = PawlConfiguration(publicURL: publicURL)
        if starts {
            let pawl = try await Pawl(
                serving: store, passwords: InstantHasher(), secrets: secrets, configuration: configuration,
                clock: clock.clock, logger: LogCapture().logger)
            _ = pawl
        }
        return await Diagnosis(
            store: store, secrets: secrets, configuration: configuration, passwords: InstantHasher(),
            clock: clock.clock, isServing: true, patience: .seconds(20)
        ).findings()
    }

    private func finding(_ check: String, in findings: [Finding]) throws -> Finding {
        try #require(findings.first { $0.check.hasPrefix(check) }, "\(findings.map(\.check))")
    }

    private func name(_ secret: MasterSecret) -> String { "master secret \(Hex.encode([secret.id]))" }

    @Test func `the doctor says what still needs an older secret, until nothing does`() async throws {
        let (old, new) = (Self.secrets[0], Self.secrets[1])
        _ = try await find([old])
        let user = try Sample.user("owner")
        #expect(store.addUser(user, Event(.registered, at: clock.now, subject: user.id)))
        store.resealPassword(of: user.id, from: user.password, to: SealedPassword(bytes: [old.id]))
        let session = try Sample.session(of: user, 1)
        #expect(try await store.startSession(session, ifUserVersionIs: 1, Sample.started(session)))

        clock.advance(by: 100)
        var findings = try await find([old, new])
        #expect(try finding(name(new), in: findings).detail.contains("never the newest"))

        findings = try await find([new, old])
        #expect(try finding(name(new), in: findings).detail.contains("signing keys: 1, passwords: 0"))
        let older = try finding(name(old), in: findings)
        #expect(older.detail.contains("signing keys: 0, passwords: 1"))
        #expect(older.detail.contains("turned with it: 1"))
        #expect(older.advice?.contains("Keep it") == true)
        let distrusted = try #require(
            MasterSecret(Secret(Sample.bytes(3)), isDistrusted: true), "the same one, marked")
        #expect(try await finding(name(old), in: find([new, distrusted])).level == .warning)

        store.resealPassword(of: user.id, from: SealedPassword(bytes: [old.id]), to: SealedPassword(bytes: [new.id]))
        let turn = TurnSample(of: session).with { $0.now = clock.now }.turn
        #expect(store.rotate(turn, under: .init(), losses: []).verdict == .rotate)
        clock.advance(by: 14 * 86400 + 1)
        let over = try await finding(name(old), in: find([new, old]))
        #expect(over.detail.contains("turned with it: 0; its tokens are over"))
        #expect(over.advice?.contains("take it out") == true)
    }

    // FAULTS D0
    @Test func `the doctor finds a clock that has gone ahead by days in less time`() async throws {
        let secrets = [Self.secrets[0]]
        #expect(try await finding("clock", in: find(secrets)).level == .ok)
        clock.jump(by: 3 * 86400)
        let jumped = try await finding("clock", in: find(secrets))
        #expect(jumped.level == .warning && jumped.advice?.contains("set it") == true)
        clock.jump(by: -3 * 86400)
        #expect(try await finding("clock", in: find(secrets, starts: false)).level == .problem, "it is behind now")
    }

    @Test func `the doctor finds keys and passwords of a secret that is missing`() async throws {
        _ = try await find([Self.secrets[0]])
        let user = try Sample.user("owner")
        #expect(store.addUser(user, Event(.registered, at: clock.now, subject: user.id)))
        store.resealPassword(of: user.id, from: user.password, to: SealedPassword(bytes: [Self.secrets[0].id]))
        let findings = try await find([Self.secrets[2]], starts: false)
        for check in ["signing keys", "passwords"] {
            let missing = try finding(check, in: findings)
            #expect(missing.level == .problem)
            #expect(missing.detail.contains(Hex.encode([Self.secrets[0].id])))
            #expect(missing.advice != nil)
        }
    }

    @Test(arguments: [
        ("https://auth.example.com", Finding.Level.ok), ("http://localhost:8080", .ok), ("http://127.0.0.1", .ok),
        ("http://auth.example.com", .problem), ("http://localhost.example.com", .problem),
    ])
    func `the doctor wants https, but on this machine`(url: String, level: Finding.Level) async throws {
        #expect(try await finding("public URL", in: find([Self.secrets[0]], publicURL: url)).level == level)
    }

    // FAULTS A8
    @Test func `the doctor lists the identifiers of an earlier version, in characters that can be seen`() async throws {
        #expect(try await finding("identifiers", in: find([Self.secrets[0]])).level == .ok)
        for (spelling, number) in [("li\u{202E}am", UInt64(1)), ("straße", 2), ("strasse", 3)] {
            let user = User(
                id: try #require(SubjectID(bytes: Array(Sample.bytes(number).prefix(16)))),
                identifier: try #require(Identifier(spelling: spelling, key: nil, typed: nil)),
                createdAt: Sample.start, password: SealedPassword(bytes: [Self.secrets[0].id]))
            #expect(store.addUser(user, Event(.registered, at: clock.now)))
        }
        let old = try await finding("identifiers", in: find([Self.secrets[0]], starts: false))
        #expect(old.level == .warning)
        #expect(old.detail.contains("2 are of an earlier version"))
        #expect(old.detail.contains("“li<U+202E>am” (it holds U+202E)"))
        #expect(old.detail.contains("“straße” (another user has “strasse”"))
        #expect(old.advice != nil)
    }

    @Test func `the doctor notices a clock that is behind the database`() async throws {
        #expect(try await finding("clock", in: find([Self.secrets[0]])).level == .ok)
        store.append(Event(.registered, at: clock.now + 60))
        #expect(try await finding("clock", in: find([Self.secrets[0]])).level == .ok)
        clock.advance(by: 3600)
        _ = try await find([Self.secrets[0]])  // leaves a sign of life
        clock.advance(by: -3600)
        #expect(try await finding("clock", in: find([Self.secrets[0]], starts: false)).level == .problem)
        _ = try await find([Self.secrets[0]])
        store.append(Event(.registered, at: clock.now + 3600))
        #expect(try await finding("clock", in: find([Self.secrets[0]])).level == .problem)
    }

    @Test func `the doctor notices lost writes that nobody has decided about`() async throws {
        #expect(try await finding("lost writes", in: find([Self.secrets[0]])).level == .ok)
        let now = clock.now
        _ = store.updateDataLossRecord { record in
            _ = record.noteDivergence(issuedAt: now - 60, at: now)
            return []
        }
        let lost = try await finding("lost writes", in: find([Self.secrets[0]], starts: false))
        #expect(lost.level == .problem && lost.advice?.contains("pawl recover") == true)
    }

    @Test func `a database that cannot be read is a finding, not an error`() async throws {
        let broken = ObservedStore(store)
        broken.fail([.status])
        let findings = await Diagnosis(
            store: broken, secrets: try MasterSecrets(newestFirst: [Self.secrets[0]]),
            configuration: PawlConfiguration(publicURL: "https://pawl.test"), passwords: InstantHasher(),
            isServing: false, patience: .seconds(1)
        ).findings()
        #expect(try finding("database", in: findings).level == .problem)
        #expect(!findings.contains { $0.check == "open files" }, "they are a server's")
    }

    // FAULTS C8
    @Test(arguments: [
        ("0.0.0.0/0", true), ("::/0", true), ("0.0.0.0/1", true), ("64.0.0.0/8", true), ("2000::/3", true),
        ("2600::/12", true), ("8.0.0.0/6", true), ("fc00::/6", true), ("10.0.0.0/7", true),
        ("10.0.0.0/8", false), ("172.16.0.0/12", false), ("192.0.2.7", false), ("104.16.0.0/13", false),
        ("2a06:98c0::/29", false), ("fc00::/7", false), ("fd00::/8", false), ("127.0.0.0/8", false), ("::1", false),
    ])
    func `the doctor warns of proxies that almost anybody could be`(block: String, isWide: Bool) throws {
        var configuration = PawlConfiguration(publicURL: "https://pawl.test")
        configuration.trustedProxies = try ["192.0.2.1", block].map { try IPNetwork($0).orThrow() }
        let found = try finding(
            "trusted proxies", in: Diagnosis.settings(configuration, passwords: InstantHasher()))
        #expect(found.level == (isWide ? .warning : .ok))
        #expect(found.detail.contains(block))
    }

    // FAULTS A10
    @Test(arguments: [
        (7168, 1, true), (7168, 4, true), (9215, 4, true), (12287, 3, true), (19455, 2, true), (47103, 1, true),
        (7168, 5, false), (9216, 4, false), (12288, 3, false), (19456, 2, false), (47104, 1, false),
        (4_194_304, 100, false),
    ])
    func `the doctor warns of password hashes that are too cheap to make`(memory: Int, passes: Int, isWeak: Bool) throws
    {
        let found = try finding(
            "password hashing",
            in: Diagnosis.settings(
                PawlConfiguration(publicURL: "https://pawl.test"),
                passwords: Argon2idHasher(parameters: .init(memory: memory, passes: passes))))
        #expect(found.level == (isWeak ? .warning : .ok))
        #expect((found.advice != nil) == isWeak)
    }
}
