package import PawlJOSE
import Synchronization

/// The signing keys of this moment, parsed once: one that signs, all that still verify.
package final class Keys: Sendable {
    private struct Ring {
        var signing: [(activatesAt: UnixTime, key: SigningKey)] = []
        var verification: [String: VerificationKey] = [:]
        /// Keys that were taken out in an emergency: a refresh under way must not bring one back.
        var retired: Set<String> = []
    }

    /// The detail of an event that names a key.
    private static let key = "key"

    private let ring = Mutex(Ring())
    private let environment: PawlEnvironment
    private let schedule: KeySchedule

    private var store: any Store { environment.store }
    private var clock: WallClock { environment.clock }
    private var secrets: MasterSecrets { environment.settings.now.secrets }

    init(_ environment: PawlEnvironment, schedule: KeySchedule) {
        self.environment = environment
        self.schedule = schedule
    }

    /// Makes the key that is due, drops those that are over, seals those anew that an older master secret sealed (so
    /// that it can be dropped), and follows what other nodes did.
    /// - Throws: ``KeysError`` if the stored keys cannot be opened, `StoreError` if the store is away.
    package func refresh() async throws {
        try await untilNobodyElseIsFirst { try await self.follow() }
    }

    /// Repeats `work` while other servers change the keys under it, a bounded number of times.
    /// - Parameter work: nil if it has to be repeated.
    private func untilNobodyElseIsFirst<Value>(_ work: () async throws -> Value?) async throws -> Value {
        for _ in 0..<5 { if let value = try await work() { return value } }
        throw StoreError("Other servers keep changing the signing keys. This is tried again.")
    }

    /// - Returns: nil if another server has changed the keys meanwhile.
    private func follow() async throws -> Void? {
        let now = clock.now
        let stored = try await store.signingKeys()
        // Read after the keys: a secret is in force before anything is sealed under it.
        let secrets = self.secrets
        var open = stored.compactMap { key in key.open(with: secrets).map { (stored: key, key: $0) } }
        guard stored.isEmpty || !open.isEmpty else { throw KeysError.noneOpens }

        // A wrong clock must not take out keys whose tokens live: see DataLossRecord.housekeepingTime.
        let reached = try await store.dataLossRecord().housekeepingTime ?? now
        let plan = schedule.plan(for: stored, at: now, deletingBy: min(now, reached))
        for id in plan.expired {
            try await delete(id, Event(.keyRetired, at: now, details: [Self.key: id]))
            open.removeAll { $0.stored.id == id }
        }
        let outdated = open.filter { !$0.stored.isCurrent(secrets) }
        if let older = outdated.last?.stored.seal.first {
            // First the record: if the process ends in between, it is there twice.
            try await store.append(
                Event(
                    .masterSecretChanged, at: now,
                    details: [
                        MasterSecretHistory.from: Hex.encode([older]),
                        MasterSecretHistory.to: Hex.encode([secrets.newest.id]),
                    ]))
        }
        for (stored, key) in outdated {
            try await store.resealSigningKey(
                SealedSigningKey(key, secrets: secrets, createdAt: stored.createdAt, activatesAt: stored.activatesAt))
        }
        if let activatesAt = plan.activateNew {
            let known = Set(stored.map(\.id)).subtracting(plan.expired)
            guard let made = try await make(activatesAt: activatesAt, ifKeysAre: known) else {
                return nil  // another server was first: follow it
            }
            open.append(made)
        }

        let inOrder = open.sorted { $0.stored.precedes($1.stored) }
        ring.withLock { ring in
            let valid = inOrder.filter { !ring.retired.contains($0.key.id) }
            ring.signing = valid.map { ($0.stored.activatesAt, $0.key) }
            ring.verification = Dictionary(uniqueKeysWithValues: valid.map { ($0.key.id, $0.key.verificationKey) })
        }
        environment.metrics.setKeyAge(signingKeyAge(at: now))
        return ()
    }

    /// - Parameter secrets: those in force if nil.
    /// - Throws: ``KeysError`` if none of the stored keys can be opened, like ``refresh()``; changes nothing.
    package func check(_ secrets: MasterSecrets? = nil) async throws {
        let stored = try await store.signingKeys()
        let secrets = secrets ?? self.secrets
        guard stored.isEmpty || stored.contains(where: { $0.open(with: secrets) != nil }) else {
            throw KeysError.noneOpens
        }
    }

    /// Makes the next signing key now; it signs once verifiers have had the time to learn it.
    package func rotate() async throws {
        _ = try await untilNobodyElseIsFirst {
            let known = Set(try await self.store.signingKeys().map(\.id))
            return try await self.make(activatesAt: self.clock.now + self.schedule.publishAhead, ifKeysAre: known)
        }
        try await refresh()
    }

    /// Takes a signing key out at once, because it has leaked: its tokens are refused here from now on, and at guards
    /// once they read the key set again (``KeySchedule/cacheLifetime``). If it was the one that signs, a new one signs
    /// from now on.
    /// - Returns: false if there is no such key.
    package func retire(_ id: String) async throws -> Bool {
        try await untilNobodyElseIsFirst { try await self.tryToRetire(id) }
    }

    /// - Returns: nil if another server has changed the keys meanwhile.
    private func tryToRetire(_ id: String) async throws -> Bool? {
        let stored = try await store.signingKeys()
        guard stored.contains(where: { $0.id == id }) else { return false }
        let now = clock.now
        // First the new one: if the process ends in between, both are there, and the command can be repeated.
        if !stored.contains(where: { $0.id != id && $0.activatesAt <= now }),
            try await make(activatesAt: now, ifKeysAre: Set(stored.map(\.id))) == nil
        {
            return nil
        }
        _ = ring.withLock { $0.retired.insert(id) }
        try await delete(id, Event(.keyRetired, at: now, details: [Self.key: id, "by": "operator"]))
        try await refresh()
        return true
    }

    private func delete(_ id: String, _ event: Event) async throws {
        try await store.deleteSigningKey(id, event)
        environment.logger.log(event)
    }

    /// - Returns: nil if the stored keys are others than `known`.
    private func make(
        activatesAt: UnixTime, ifKeysAre known: Set<String>
    ) async throws -> (stored: SealedSigningKey, key: SigningKey)? {
        let key = SigningKey(id: Hex.encode(environment.randomness.bytes(8)), generating: schedule.algorithm)
        let now = clock.now
        let sealed = try SealedSigningKey(
            key, secrets: secrets, createdAt: now, activatesAt: activatesAt)
        let details = [Self.key: sealed.id, "algorithm": sealed.algorithm, "activates_at": activatesAt.rfc3339]
        let event = Event(.keyCreated, at: now, details: details)
        guard try await store.addSigningKey(sealed, ifKeysAre: known, event) else { return nil }
        environment.logger.log(event)
        return (sealed, key)
    }

    /// The stored keys in the order in which they sign, and which of them does so now.
    package func stored() async throws -> [(key: SealedSigningKey, signs: Bool)] {
        let now = clock.now
        let inOrder = try await store.signingKeys().sorted { $0.precedes($1) }
        let current = inOrder.last { $0.activatesAt <= now }
        return inOrder.map { ($0, $0.id == current?.id) }
    }

    /// The newest key whose time has come.
    func signingKey(at now: UnixTime) throws -> SigningKey {
        let key = ring.withLock { ring in
            ring.signing.last { $0.activatesAt <= now } ?? ring.signing.first
        }
        guard let key else { throw KeysError.noneOpens }
        return key.key
    }

    /// Seconds that the key which signs has done so.
    func signingKeyAge(at now: UnixTime) -> Int64 {
        ring.withLock { ring in ring.signing.last { $0.activatesAt <= now }.map { now.age(since: $0.activatesAt) } }
            ?? 0
    }

    package var verificationKeys: [String: VerificationKey] { ring.withLock { $0.verification } }

    /// What anybody may know, for `jwks.json`.
    package var publicKeys: JSONWebKeySet {
        JSONWebKeySet(keys: verificationKeys.values.map(\.jwk).sorted { ($0.kid ?? "") < ($1.kid ?? "") })
    }
}

/// Why there is no key to sign with.
public struct KeysError: Error, CustomStringConvertible {
    /// What went wrong, and what to do.
    public let description: String

    static let noneOpens = Self(
        description: """
            None of the configured master secrets opens this database's signing keys. Start with the master secret \
            that this database was made with (see docs/configuration.md, "Master secrets").
            """)
}
