import Foundation
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlTesting
import Testing

@testable import PawlServer

extension OperationsTests {
    @Test("The status tells what runs and which keys are in use, and no secret", .tags(.p3))
    func status() async throws {
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

    @Test("A store that makes no backup says so, and the next try is not in its way")
    func backupRefused() async throws {
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

@Suite("The doctor")
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
                store: store, passwords: InstantHasher(), secrets: secrets, configuration: configuration,
                clock: clock.clock, logger: LogCapture().logger)
            _ = pawl
        }
        return await Diagnosis(
            store: store, secrets: secrets, configuration: configuration, clock: clock.clock, isServing: true,
            patience: .seconds(20)
        ).findings()
    }

    private func finding(_ check: String, in findings: [Finding]) throws -> Finding {
        try #require(findings.first { $0.check.hasPrefix(check) }, "\(findings.map(\.check))")
    }

    private func name(_ secret: MasterSecret) -> String { "master secret \(Hex.encode([secret.id]))" }

    @Test func `says what still needs an older secret, until nothing does`() async throws {
        let (old, new) = (Self.secrets[0], Self.secrets[1])
        _ = try await find([old])
        let user = try Sample.user("owner")
        #expect(store.insert(user, Event(.registered, at: clock.now, subject: user.id)))
        store.reseal(user.id, from: user.password, to: SealedPassword(bytes: [old.id]))
        let session = try Sample.session(of: user, 1)
        #expect(try await store.insert(session, ifUserVersionIs: 1, Sample.started(session)))

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

        store.reseal(user.id, from: SealedPassword(bytes: [old.id]), to: SealedPassword(bytes: [new.id]))
        #expect(
            store.rotate(TurnSample(of: session).with { $0.now = clock.now }.turn, under: .init()).verdict == .rotate)
        clock.advance(by: 14 * 86400 + 1)
        let over = try await finding(name(old), in: find([new, old]))
        #expect(over.detail.contains("turned with it: 0; its tokens are over"))
        #expect(over.advice?.contains("take it out") == true)
    }

    @Test func `finds keys and passwords of a secret that is missing`() async throws {
        _ = try await find([Self.secrets[0]])
        let user = try Sample.user("owner")
        #expect(store.insert(user, Event(.registered, at: clock.now, subject: user.id)))
        store.reseal(user.id, from: user.password, to: SealedPassword(bytes: [Self.secrets[0].id]))
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
    func `wants https, but on this machine`(url: String, level: Finding.Level) async throws {
        #expect(try await finding("public URL", in: find([Self.secrets[0]], publicURL: url)).level == level)
    }

    @Test func `notices a clock that is behind the database`() async throws {
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

    @Test func `notices lost writes that nobody has decided about`() async throws {
        #expect(try await finding("lost writes", in: find([Self.secrets[0]])).level == .ok)
        let now = clock.now
        _ = store.updateRecovery { record in
            _ = record.noteDivergence(issuedAt: now - 60, rotatedAt: now - 120, at: now)
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
            configuration: PawlConfiguration(publicURL: "https://pawl.test"), isServing: false, patience: .seconds(1)
        ).findings()
        #expect(try finding("database", in: findings).level == .problem)
        #expect(!findings.contains { $0.check == "open files" }, "they are a server's")
    }
}
