/// Turns passwords into PHC strings, on a bounded queue of its own.
public protocol PasswordHasher: Sendable {
    /// - Throws: ``PasswordHasherBusy`` if the queue is full.
    func hash(_ password: Password) async throws -> String
    /// - Throws: ``PasswordHasherBusy`` if the queue is full.
    func verify(_ password: Password, against phc: String) async throws -> Bool
    /// Whether the next one would be turned away.
    var isFull: Bool { get }
    /// How many hashes it works on at once; 4 if it does not say. Passwords wait for their turn outside of it.
    var parallelism: Int { get }
    /// Whether `phc` was made with weaker parameters than today's.
    func isOutdated(_ phc: String) -> Bool
    /// What makes guessing at its hashes too cheap, in one sentence; nil if nothing does.
    var weakness: String? { get }
}

extension PasswordHasher {
    /// Four.
    public var parallelism: Int { 4 }
    /// Nothing to warn of.
    public var weakness: String? { nil }
}

/// More passwords are waiting than can be hashed soon.
public struct PasswordHasherBusy: Error {
    /// Seconds.
    public let retryAfter: Int64

    /// Makes the error.
    /// - Parameter retryAfter: seconds until the client may try again.
    public init(retryAfter: Int64) {
        self.retryAfter = retryAfter
    }
}
