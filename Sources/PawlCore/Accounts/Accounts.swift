import Logging
import Synchronization

/// Users and their passwords: one use case a file. ``Sessions`` has what they sign in to.
package struct Accounts: Sendable {
    let sessions: Sessions
    package let hasher: any PasswordHasher
    let rules: PasswordRules
    let isRegistrationOpen: Bool
    let throttle: LoginThrottle
    let tries = TryQueue()
    let queue: HashingQueue
    private let decoy = Decoy()

    var environment: PawlEnvironment { sessions.environment }
    var store: any Store { environment.store }
    var clock: WallClock { environment.clock }
    var secrets: MasterSecrets { environment.settings.now.secrets }

    package init(
        sessions: Sessions, hasher: any PasswordHasher, rules: PasswordRules = .init(),
        isRegistrationOpen: Bool = false, throttle: LoginThrottle = .init()
    ) {
        self.sessions = sessions
        self.hasher = hasher
        queue = HashingQueue(width: hasher.parallelism, metrics: sessions.environment.metrics)
        self.rules = rules
        self.isRegistrationOpen = isRegistrationOpen
        self.throttle = throttle
    }

    /// Makes the first sign-in of an unknown user cost what later ones do.
    func prepare() async throws { _ = try await decoyHash() }

    /// Turns passwords away that wait, and those that come: the server is about to stop.
    package func stopHashing() { queue.close() }

    /// What the password of an unknown user is checked against, so that it costs the same.
    func decoyHash() async throws(SessionError) -> String {
        if let known = decoy.value.withLock({ $0 }) { return known }
        let made = try await hash(Password(random: environment.randomness), for: HashingShare(nil, ""))
        return decoy.value.withLock { value in
            if value == nil { value = made }
            return value ?? made
        }
    }

    private final class Decoy: Sendable {
        let value = Mutex<String?>(nil)
    }

    func hash(_ password: Password, for share: HashingShare) async throws(SessionError) -> String {
        try await hashing(for: share) { try await hasher.hash(password) }
    }

    func verify(
        _ password: Password, against phc: String, for share: HashingShare
    ) async throws(SessionError) -> Bool {
        try await hashing(for: share) { try await hasher.verify(password, against: phc) }
    }

    private func hashing<Value>(
        for share: HashingShare, _ work: () async throws -> Value
    ) async throws(SessionError) -> Value {
        try await queue.run(for: share) { () async throws(SessionError) in
            do {
                return try await work()
            } catch let busy as PasswordHasherBusy {
                throw .busy(retryAfter: busy.retryAfter)
            } catch {
                environment.logger.error("Password hashing failed", metadata: ["error": "\(error)"])
                throw .unavailable
            }
        }
    }

    func seal(_ phc: String, for user: SubjectID) throws(SessionError) -> SealedPassword {
        do {
            return try SealedPassword(phc, for: user, secrets: secrets)
        } catch {
            environment.logger.error("Sealing a password failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(SessionError) -> Value {
        try await environment.stored(work)
    }

    /// The user that a session belongs to.
    package func user(of session: Session) async throws(SessionError) -> User {
        let user = try await stored { () async throws(StoreError) in try await store.user(session.subject) }
        guard let user, !user.isDisabled else { throw .sessionEnded(.revoked) }
        return user
    }

    /// Throws unless somebody new may have `identifier`, with this password.
    func checkNew(
        _ identifier: Identifier, _ password: Password, for share: HashingShare
    ) async throws(SessionError) {
        if let refusal = identifier.refusal { throw .identifierRefused(refusal) }
        try await check(password, for: identifier, share)
    }

    /// Throws unless `password` may be a new password of `identifier`. To judge a long one takes a while: it waits for its
    /// turn like a hash, and keeps no event loop busy (P10).
    func check(
        _ password: Password, for identifier: Identifier, _ share: HashingShare
    ) async throws(SessionError) {
        let rules = self.rules
        let refusal = try await queue.run(for: share) { () async throws(SessionError) in
            await withTaskExecutorPreference(globalConcurrentExecutor) { rules.refusal(of: password, for: identifier) }
        }
        if let refusal { throw .passwordRefused(refusal) }
    }
}

/// What somebody gives to sign in or register.
package struct Credentials: Sendable {
    package let identifier: Identifier
    package let password: Password
    /// What to call the device in the list of sessions.
    package let device: String

    package init(identifier: Identifier, password: Password, device: String) {
        self.identifier = identifier
        self.password = password
        self.device = device
    }
}
