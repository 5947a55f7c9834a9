import Logging

/// Users and their passwords: one use case a file. Sessions are ``SessionAuthority``'s.
public struct Accounts: Sendable {
    let sessions: SessionAuthority
    package let hasher: any PasswordHasher
    let rules: PasswordRules
    let isRegistrationOpen: Bool
    let throttle: LoginThrottle
    let tries = TryQueue()
    /// What the password of an unknown user is checked against, so that it costs the same.
    let decoy: String

    var store: any PawlStore { sessions.store }
    var clock: Clock { sessions.clock }
    var secrets: MasterSecrets { sessions.inForce.secrets }

    public init(
        sessions: SessionAuthority, hasher: any PasswordHasher, rules: PasswordRules = .init(),
        isRegistrationOpen: Bool = false, throttle: LoginThrottle = .init()
    ) async throws {
        self.sessions = sessions
        self.hasher = hasher
        self.rules = rules
        self.isRegistrationOpen = isRegistrationOpen
        self.throttle = throttle
        decoy = try await hasher.hash(Password(random: sessions.randomness))
    }

    func hash(_ password: Password) async throws(SessionError) -> String {
        try await hashing { try await hasher.hash(password) }
    }

    func verify(_ password: Password, against phc: String) async throws(SessionError) -> Bool {
        try await hashing { try await hasher.verify(password, against: phc) }
    }

    private func hashing<Value>(_ work: () async throws -> Value) async throws(SessionError) -> Value {
        do {
            return try await work()
        } catch let busy as PasswordHasherBusy {
            throw .busy(retryAfter: busy.retryAfter)
        } catch {
            sessions.logger.error("Password hashing failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    func seal(_ phc: String, for user: SubjectID) throws(SessionError) -> SealedPassword {
        do {
            return try SealedPassword(phc, for: user, secrets: secrets)
        } catch {
            sessions.logger.error("Sealing a password failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(SessionError) -> Value {
        try await sessions.stored(work)
    }

    /// Whose session it is.
    public func user(of session: Session) async throws(SessionError) -> User {
        let user = try await stored { () async throws(StoreError) in try await store.user(session.subject) }
        guard let user, !user.isDisabled else { throw .sessionEnded(.revoked) }
        return user
    }

    /// Throws unless somebody new may have `identifier`, with this password.
    func checkNew(_ identifier: Identifier, _ password: Password) throws(SessionError) {
        if let refusal = identifier.refusal { throw .identifierRefused(refusal) }
        try check(password, for: identifier)
    }

    /// Throws unless `password` may be a new password of `identifier`.
    func check(_ password: Password, for identifier: Identifier) throws(SessionError) {
        if let refusal = rules.refusal(of: password, for: identifier) { throw .passwordRefused(refusal) }
    }
}

/// What somebody gives to sign in or register.
public struct Credentials: Sendable {
    public let identifier: Identifier
    public let password: Password
    /// What to call the device in the list of sessions.
    public let device: String

    public init(identifier: Identifier, password: Password, device: String) {
        self.identifier = identifier
        self.password = password
        self.device = device
    }
}
