/// What a new session begins with. Only a login, a registration or a trusted service may make one (P1).
struct SessionStart: Sendable {
    let user: User
    let authMethods: [String]
    let device: String
    let origin: Origin
    let delivery: Delivery
}

extension Sessions {
    /// Starts a session, or returns nil if the user has changed since `start.user` was read.
    func start(_ start: SessionStart) async throws(SessionError) -> TokenGrant? {
        let now = clock.now
        let settings = self.settings
        let id = SessionID(at: now, randomness: randomness)
        let token = RefreshToken(
            keyID: settings.secrets.newest.id, sessionID: id, generation: 0, issuedAt: now,
            secret: Secret(randomness.bytes(RefreshToken.secretLength)))
        let session = Session(
            id: id, subject: start.user.id, clientID: "first-party", delivery: start.delivery, createdAt: now,
            absoluteExpiry: now + settings.lifetimes.absolute, authTime: now, authMethods: start.authMethods,
            scope: start.user.scope, roles: start.user.roles, device: Session.deviceName(start.device),
            origin: start.origin, generation: 0, hash: token.hash, seal: [],
            attempts: Array(repeating: nil, count: Session.rememberedAttempts), rotatedAt: now,
            idleExpiry: now + settings.lifetimes.idle, stepUpFailures: 0, ending: nil)
        let event = Event(.sessionStarted, at: now, subject: start.user.id, session: id, origin: start.origin)
        let ending = SessionEnding(displacedBy: session)
        try await makeRoom(beside: limit, of: start.user.id, ending)
        let displaced = try await stored { () async throws(StoreError) in
            try await store.startSession(
                session, ifUserVersionIs: start.user.version, limit: limit, event)
        }
        guard let displaced else { return nil }
        environment.publish([event] + displaced)
        return try grant(session, token, at: now, under: settings)
    }
}
