import CSodium
import Foundation  // for OperationQueue: threads of our own, a fixed number of them
public import PawlCore
import Synchronization

/// Argon2id (RFC 9106) by libsodium, on a bounded queue of its own: never on Swift's cooperative threads, half the
/// cores at most and after everything else, so that a flood of logins does not slow refreshes (P10).
public final class Argon2idHasher: PasswordHasher {
    /// The cost of one hash. p is 1 in libsodium.
    public struct Parameters: Sendable, Equatable {
        /// KiB.
        public var memory: Int
        /// How often the memory is gone over.
        public var passes: Int

        /// OWASP's first choice: 19 MiB, two passes (Password Storage Cheat Sheet).
        public static let owasp = Self(memory: 19 * 1024, passes: 2)

        /// Makes parameters: memory in KiB, and passes.
        public init(memory: Int, passes: Int) {
            self.memory = memory
            self.passes = passes
        }

        /// The least that OWASP's Password Storage Cheat Sheet asks for at one lane: choices of equal strength.
        private static let least = [(47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5)]

        /// Whether it costs less than each of OWASP's choices.
        public var isWeak: Bool { !Self.least.contains { memory >= $0.0 && passes >= $0.1 } }
    }

    private let parameters: Parameters
    private let queue: OperationQueue
    private let capacity: Int
    private let waiting = Mutex(0)
    /// How many hashes are computed at once.
    public let parallelism: Int

    /// - Parameters:
    ///   - workers: how many hashes are computed at once; half the cores by default.
    ///   - capacity: how many may wait or be under way; more are turned away with ``PasswordHasherBusy``.
    public init(
        parameters: Parameters = .owasp, workers: Int? = nil, capacity: Int = 64
    ) {
        precondition(sodium_init() >= 0, "libsodium could not be initialised")
        self.parameters = parameters
        self.capacity = capacity
        parallelism = workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
        queue = OperationQueue()
        queue.name = "pawl.passwords"
        queue.qualityOfService = .background  // on Linux nice 10: refreshes go first
        queue.maxConcurrentOperationCount = parallelism
    }

    /// Hashes a password to a PHC string.
    /// - Throws: ``PasswordHasherBusy`` if too many wait.
    public func hash(_ password: Password) async throws -> String {
        let parameters = parameters
        return try await enqueue {
            var phc = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
            let bytes = password.bytes.map { CChar(bitPattern: $0) }
            let result = unsafe crypto_pwhash_str_alg(
                &phc, bytes, UInt64(bytes.count), UInt64(parameters.passes), parameters.memory * 1024,
                crypto_pwhash_ALG_ARGON2ID13)
            guard result == 0 else { throw Argon2idError.outOfMemory }
            return Self.string(phc)
        }
    }

    /// Whether `phc` was made of this password.
    /// - Throws: ``PasswordHasherBusy`` if too many wait.
    public func verify(_ password: Password, against phc: String) async throws -> Bool {
        try await enqueue {
            let bytes = password.bytes.map { CChar(bitPattern: $0) }
            return unsafe crypto_pwhash_str_verify(phc, bytes, UInt64(bytes.count)) == 0
        }
    }

    /// What makes the parameters too cheap; nil if nothing does.
    public var weakness: String? {
        guard parameters.isWeak else { return nil }
        return "One hash takes \(parameters.memory) KiB and \(parameters.passes) passes, less than OWASP's minimum."
    }

    /// Whether the next password would be turned away.
    public var isFull: Bool { waiting.withLock { $0 >= capacity } }

    /// Whether `phc` was made with weaker parameters than today's.
    public func isOutdated(_ phc: String) -> Bool {
        unsafe crypto_pwhash_str_needs_rehash(phc, UInt64(parameters.passes), parameters.memory * 1024) != 0
    }

    private func enqueue<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let isAdmitted = waiting.withLock { waiting in
            guard waiting < capacity else { return false }
            waiting += 1
            return true
        }
        guard isAdmitted else { throw PasswordHasherBusy(retryAfter: 1) }
        return try await withCheckedThrowingContinuation { continuation in
            queue.addOperation { [self] in
                let result = Result { try work() }
                waiting.withLock { $0 -= 1 }
                continuation.resume(with: result)
            }
        }
    }

    private static func string(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// libsodium refuses to hash only when it cannot have the memory.
enum Argon2idError: Error {
    case outOfMemory
}
