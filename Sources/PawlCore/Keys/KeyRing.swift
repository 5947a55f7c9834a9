public import PawlJWT
import Synchronization

/// The signing keys of this moment, parsed once: one that signs, all that still verify.
public final class KeyRing: Sendable {
    private struct Keys {
        var signing: [(activatesAt: UnixTime, key: SigningKey)] = []
        var verification: [String: VerificationKey] = [:]
    }

    private let keys = Mutex(Keys())
    private let store: any KeyStore
    private let secrets: MasterSecrets
    private let schedule: KeySchedule
    private let clock: Clock
    private let randomness: Randomness

    init(store: any KeyStore, secrets: MasterSecrets, schedule: KeySchedule, clock: Clock, randomness: Randomness) {
        self.store = store
        self.secrets = secrets
        self.schedule = schedule
        self.clock = clock
        self.randomness = randomness
    }

    /// Makes the key that is due, drops those that are over, seals those anew that an older master secret sealed (so
    /// that it can be dropped), and follows what other nodes did.
    /// - Throws: ``KeyRingError`` if the stored keys cannot be opened, `StoreError` if the store is away.
    func refresh() async throws {
        let now = clock.now
        let stored = try await store.signingKeys()
        var open = stored.compactMap { key in key.open(with: secrets).map { (stored: key, key: $0) } }
        guard stored.isEmpty || !open.isEmpty else { throw KeyRingError.noneOpens }

        let plan = schedule.plan(for: stored, at: now)
        if !plan.expired.isEmpty {
            try await store.deleteSigningKeys(plan.expired)
            open.removeAll { plan.expired.contains($0.stored.id) }
        }
        for (stored, key) in open where !stored.isCurrent(secrets) {
            try await store.save(
                SealedSigningKey(
                    key, secrets: secrets, createdAt: stored.createdAt, activatesAt: stored.activatesAt))
        }
        if let activatesAt = plan.activateNew {
            let key = SigningKey(id: Base64URL.encode(randomness.bytes(9)), generating: schedule.algorithm)
            let sealed = try SealedSigningKey(key, secrets: secrets, createdAt: now, activatesAt: activatesAt)
            try await store.save(sealed)
            open.append((sealed, key))
        }

        var fresh = Keys()
        for (stored, key) in open.sorted(by: { $0.stored.precedes($1.stored) }) {
            fresh.signing.append((stored.activatesAt, key))
            fresh.verification[key.id] = key.verificationKey
        }
        keys.withLock { [fresh] in $0 = fresh }
    }

    /// The newest key whose time has come.
    func signingKey(at now: UnixTime) throws -> SigningKey {
        let key = keys.withLock { keys in
            keys.signing.last { $0.activatesAt <= now } ?? keys.signing.first
        }
        guard let key else { throw KeyRingError.noneOpens }
        return key.key
    }

    package var verificationKeys: [String: VerificationKey] { keys.withLock { $0.verification } }

    /// What anybody may know, for `jwks.json`.
    public var publicKeys: JSONWebKeySet {
        JSONWebKeySet(keys: verificationKeys.values.map(\.jwk).sorted { ($0.kid ?? "") < ($1.kid ?? "") })
    }
}

/// Why there is no key to sign with.
public struct KeyRingError: Error, CustomStringConvertible {
    public let description: String

    static let noneOpens = Self(
        description: """
            None of the configured master secrets opens this database's signing keys. Start with the master secret \
            that this database was made with (see docs/configuration.md, "Master secrets").
            """)
}
