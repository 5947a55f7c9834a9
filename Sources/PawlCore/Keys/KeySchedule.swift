package import PawlJOSE

/// When signing keys come and go: published before their first use for longer than verifiers cache, kept after their
/// last use for as long as a token of theirs can live.
package struct KeySchedule: Sendable {
    package let algorithm: SignatureAlgorithm
    /// Seconds that a key signs.
    package let period: Int64
    /// Seconds that a key is published before it signs.
    package let publishAhead: Int64
    /// Seconds that a key is published after it signed last.
    package let keepAfter: Int64

    /// How long verifiers may cache the key set, in seconds.
    package static let cacheLifetime: Int64 = 300
    /// How far clocks may be apart, in seconds.
    static let skew: Int64 = 60

    /// - Parameters:
    ///   - period: at least an hour.
    ///   - accessLifetime: the longest life of an access token, in seconds.
    package init(algorithm: SignatureAlgorithm = .es256, period: Int64 = 90 * 86400, accessLifetime: Int64) {
        self.algorithm = algorithm
        self.period = max(3600, period)
        self.publishAhead = 2 * Self.cacheLifetime
        self.keepAfter = accessLifetime + Self.skew
    }

    struct Plan: Equatable {
        /// When the key to make now begins to sign; nil if none is due.
        var activateNew: UnixTime?
        /// Keys that nothing signed by them outlives.
        var expired: [String] = []
    }

    /// Seconds that a key signs at least, before a server with another algorithm makes one of its own: where servers
    /// differ, as while a setting changes, they must not answer each other's keys with new ones.
    static let leastUse: Int64 = 3600

    /// What is due at `now`, given all stored keys.
    /// - Parameter deletionTime: what the end of a key is compared with; `now`, unless the clock has jumped ahead.
    func plan(for keys: [SealedSigningKey], at now: UnixTime, deletingBy deletionTime: UnixTime? = nil) -> Plan {
        let deletionTime = deletionTime ?? now
        // What begins to sign later than any key that is made now was made by a clock that was ahead. It must neither
        // hold up its successors nor push out those before it.
        let inOrder = keys.filter { $0.activatesAt <= now + (publishAhead + Self.skew) }.sorted { $0.precedes($1) }
        guard let latest = inOrder.last else { return Plan(activateNew: keys.isEmpty ? now : now + publishAhead) }
        var plan = Plan()
        let isDue = now >= latest.activatesAt + (period - publishAhead)
        let isReplaced = latest.algorithm != algorithm.rawValue && now >= latest.activatesAt + Self.leastUse
        if isDue || isReplaced {
            plan.activateNew = max(now + publishAhead, latest.activatesAt)
        }
        for (key, next) in zip(inOrder, inOrder.dropFirst()) where deletionTime >= next.activatesAt + keepAfter {
            plan.expired.append(key.id)
        }
        return plan
    }
}
