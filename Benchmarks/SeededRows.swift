import Foundation
import PawlCore

/// Sessions by number, and their tokens: every secret follows from the number and the generation, so that a million
/// sessions need no memory here. Their rows are as full as those of sessions that have turned a few times.
struct SeededRows: Sendable {
    private let start = WallClock.system.now
    /// Whose all of them are; otherwise a user has ten.
    var owner: SubjectID?

    func session(_ number: Int) -> Session {
        guard let id = SessionID(bytes: bytes(UInt64(number), 0, count: 16)),
            let subject = owner ?? SubjectID(bytes: bytes(UInt64(number / 10), 1, count: 16))
        else { preconditionFailure("Sixteen bytes are an id.") }
        return Session(
            id: id, subject: subject, clientID: "first-party", delivery: .body, createdAt: start,
            deadlines: .init(absolute: start + 30 * 86400, idle: start + 7 * 86400),
            proof: .init(time: start, methods: ["pwd"]), scope: [], roles: ["member"], device: "Laptop", origin: origin,
            chain: .init(
                hash: token(number, 0).hash, seal: bytes(UInt64(number), 1, count: 66),
                attempts: (0..<4).map { attempt(number, $0) }, rotatedAt: start))
    }

    /// A typical address and the 64 bytes that are kept of a browser's name.
    private var origin: Origin {
        Origin(
            address: "203.0.113.195",
            userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0")
    }

    func token(_ number: Int, _ generation: UInt32, secrets: MasterSecrets? = nil) -> RefreshToken {
        guard let id = SessionID(bytes: bytes(UInt64(number), 0, count: 16)) else {
            preconditionFailure("Sixteen bytes are an id.")
        }
        return RefreshToken(
            keyID: secrets?.newest.id ?? 0, sessionID: id, generation: generation, issuedAt: start,
            secret: Secret(bytes(UInt64(number), 2 + UInt64(generation), count: 32)))
    }

    /// The turn of a session from `generation` to the next.
    func turn(_ number: Int, from generation: UInt32) -> Turn {
        let token = token(number, generation)
        let now = WallClock.system.now
        return Turn(
            Presentation(
                sessionID: token.sessionID, generation: generation, hash: token.hash, issuedAt: start,
                isDistrusted: false, attempt: attempt(number, generation), delivery: .body, now: now, origin: origin),
            to: Successor(
                hash: self.token(number, generation + 1).hash, seal: bytes(UInt64(number), 1, count: 66),
                attempt: AttemptDigest(value: ~attempt(number, generation).value), idleExpiry: now + 7 * 86400))
    }

    private func attempt(_ number: Int, _ generation: UInt32) -> AttemptDigest {
        AttemptDigest(value: integer(bigEndian: bytes(UInt64(number), 2 + UInt64(generation), count: 8)))
    }

    /// Turns a session and says so in `generation`.
    func rotate(_ number: Int, at generation: inout UInt32, on store: any SessionStore) async throws {
        let outcome = try await store.rotate(turn(number, from: generation), under: .init(), losses: [])
        guard outcome.verdict == .rotate else { throw StoreError("The turn was \(outcome.verdict).") }
        generation += 1
    }

    /// SplitMix64: quick, and good enough for secrets that nobody keeps.
    private func bytes(_ number: UInt64, _ purpose: UInt64, count: Int) -> [UInt8] {
        var state = number &* 0xD134_2543_DE82_EF95 &+ purpose &* 0x2545_F491_4F6C_DD1D
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            word ^= word >> 31
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return Array(bytes.prefix(count))
    }
}

/// A folder that goes when its holder does.
final class TemporaryFolder {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "pawl-benchmarks-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }  // a leftover in the temporary folder harms nobody

    func path(_ name: String) -> String { url.appending(path: name).path }
}
