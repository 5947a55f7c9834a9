import ArgumentParser
import Foundation
import Logging
import PawlCore
import PawlJOSE
import PawlSQL
import PawlSQLite

/// Each part of a refresh by itself, in a plain loop.
struct PartsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parts", abstract: "Time each part of a refresh: the median of 50 rounds.")

    func run() async throws {
        let parts = try Parts()
        print("part                                             median µs   fastest µs")
        measure("refresh token: parse and authenticate", 1000) { _ = parts.parse() }
        measure("refresh token: make and write", 1000) { _ = parts.write() }
        try measure("successor: seal, and name the attempt", 1000) { _ = try parts.seal() }
        measure("policy: decide on a spent token", 10_000) { _ = parts.decide() }
        try measure("access token: sign, ES256", 200) { _ = try parts.sign(parts.es256) }
        try measure("access token: sign, EdDSA", 200) { _ = try parts.sign(parts.edDSA) }
        try measure("access token: verify, ES256", 200) { _ = try parts.verify() }
        try await measureStore()
    }

    /// One rotation after the other, each with its own commit.
    private func measureStore() async throws {
        let rows = SeededRows()
        let folder = try TemporaryFolder()
        let store = try await SQLiteStore(path: folder.path("parts.sqlite"), logger: Logger(label: "benchmarks"))
        try await store.put((0..<1000).map { SessionRow.values(rows.session($0)) }, into: SessionRow.table)
        var generations = [UInt32](repeating: 0, count: 1000)
        var times: [Double] = []
        for round in 0..<50 {
            let start = ContinuousClock.now
            for step in 0..<20 {
                let session = (round * 20 + step) * 617 % 1000
                try await rows.rotate(session, at: &generations[session], on: store)
            }
            times.append((ContinuousClock.now - start).microseconds / 20)
        }
        try await store.close()
        show("store: one rotation, with its own commit", times)
    }

    private func measure(_ name: String, _ count: Int, _ work: () throws -> Void) rethrows {
        var times: [Double] = []
        for _ in 0..<50 {
            let start = ContinuousClock.now
            for _ in 0..<count { try work() }
            times.append((ContinuousClock.now - start).microseconds / Double(count))
        }
        show(name, times)
    }

    private func show(_ name: String, _ times: [Double]) {
        let sorted = times.sorted()
        let style = FloatingPointFormatStyle<Double>.number.precision(.fractionLength(2))
        func cell(_ value: Double) -> String {
            let text = value.formatted(style.locale(Locale(identifier: "en_US")))
            return String(repeating: " ", count: max(0, 12 - text.count)) + text
        }
        print(
            name.padding(toLength: 46, withPad: " ", startingAt: 0) + cell(sorted[sorted.count / 2]) + cell(sorted[0]))
    }
}

/// What the loops work on.
private struct Parts {
    let es256 = SigningKey(id: "es256", generating: .es256)
    let edDSA = SigningKey(id: "eddsa", generating: .edDSA)
    private let secrets: MasterSecrets
    private let token: RefreshToken
    private let text: String
    private let session: Session
    private let spent: Turn
    private let claims: AccessTokenClaims
    private let signed: String
    private let name: AttemptName
    private let now = WallClock.system.now

    init() throws {
        guard let master = MasterSecret(Secret(Randomness.system.bytes(MasterSecret.length))),
            let name = AttemptName("an-attempt-with-a-name")
        else { throw ValidationError("No secret could be made.") }
        secrets = try MasterSecrets(newestFirst: [master])
        self.name = name
        let rows = SeededRows()
        session = rows.session(1)
        token = rows.token(1, 0, secrets: secrets)
        text = token.text(with: secrets) ?? ""
        spent = rows.turn(1, from: 0)
        claims = AccessTokenClaims(
            issuer: "https://auth.example.com", subject: session.subject.description,
            audience: ["https://auth.example.com"], expiresAt: now.seconds + 900, issuedAt: now.seconds,
            id: Base64URL.encode(Randomness.system.bytes(16)), clientID: "first-party",
            sessionID: session.id.description, authTime: now.seconds, authMethods: ["pwd"], roles: ["member"])
        signed = try es256.sign(claims)
    }

    func parse() -> RefreshToken? { RefreshToken(authenticating: text, with: secrets) }

    func write() -> String? {
        token.successor(at: now, secrets: secrets, randomness: .system).text(with: secrets)
    }

    func seal() throws -> (seal: [UInt8], attempts: [AttemptDigest]) {
        let keys = TokenKeys(of: token)
        let seal = try SuccessorSeal.seal(token, under: token, keys, randomness: .system)
        return (seal, [keys.digest(of: name), TokenKeys(of: token).digest(of: name)])
    }

    func decide() -> Change {
        RotationPolicy().apply(spent, to: session.turned(by: spent), in: .init())
    }

    func sign(_ key: SigningKey) throws -> String { try key.sign(claims) }

    func verify() throws -> AccessTokenClaims {
        try AccessTokenVerifier(issuer: claims.issuer, audience: claims.issuer).verify(
            signed, with: ["es256": es256.verificationKey], at: now.seconds)
    }
}

extension Duration {
    var microseconds: Double { Double(components.seconds) * 1e6 + Double(components.attoseconds) / 1e12 }
}
