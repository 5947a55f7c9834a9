import Crypto
public import PawlCore
import Synchronization

/// A password hasher that costs nothing, for tests that are not about hashing. Its hashes protect nothing: never use it
/// outside tests.
public final class InstantHasher: PasswordHasher {
    private let calls = Mutex(Calls())
    private let generation: Mutex<Int>
    private let full = Mutex(false)

    package struct Calls: Sendable, Equatable {
        package var hashes = 0
        package var checks = 0
    }

    /// Makes a hasher.
    public convenience init() { self.init(generation: 1) }

    /// - Parameter generation: what the cost parameters are to a real hasher: raising it makes older hashes outdated.
    package init(generation: Int) {
        self.generation = Mutex(generation)
    }

    /// How often it was asked.
    package var count: Calls { calls.withLock { $0 } }

    package func raise(to generation: Int) { self.generation.withLock { $0 = generation } }

    /// From now on, or no longer, everything is turned away.
    package func setFull(_ isFull: Bool) { full.withLock { $0 = isFull } }

    /// Whether it turns everything away.
    public var isFull: Bool { full.withLock { $0 } }

    /// Hashes a password, at no cost.
    public func hash(_ password: Password) async throws -> String {
        try admit()
        calls.withLock { $0.hashes += 1 }
        return Self.phc(password, generation.withLock { $0 })
    }

    /// Whether `phc` was made of this password.
    public func verify(_ password: Password, against phc: String) async throws -> Bool {
        try admit()
        calls.withLock { $0.checks += 1 }
        guard let generation = Self.generation(of: phc) else { return false }
        return phc == Self.phc(password, generation)
    }

    /// Whether `phc` was made before `raise(to:)`.
    public func isOutdated(_ phc: String) -> Bool {
        Self.generation(of: phc).map { $0 < generation.withLock { $0 } } ?? true
    }

    private func admit() throws {
        if isFull { throw PasswordHasherBusy(retryAfter: 3) }
    }

    private static func phc(_ password: Password, _ generation: Int) -> String {
        let digest = SHA256.hash(data: password.bytes).map { String($0, radix: 16) }.joined(separator: ".")
        return "$test$g=\(generation)$\(digest)"
    }

    private static func generation(of phc: String) -> Int? {
        let parts = phc.split(separator: "$")
        guard parts.count == 3, parts[0] == "test", parts[1].hasPrefix("g=") else { return nil }
        return Int(parts[1].dropFirst(2))
    }
}
