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
    /// - Parameter reservation: the place of the sign-in, which is given back together with the start.
    func start(
        _ start: SessionStart, releasing reservation: LoginReservation? = nil
    ) async throws(SessionError) -> TokenGrant? {
        let now = clock.now
        let settings = self.settings
        let id = SessionID(at: now, randomness: randomness)
        let token = RefreshToken(
            keyID: settings.secrets.newest.id, sessionID: id, generation: 0, issuedAt: now,
            secret: Secret(randomness.bytes(RefreshToken.secretLength)))
        let session = Session(
            id: id, subject: start.user.id, clientID: "first-party", delivery: start.delivery, createdAt: now,
            deadlines: .init(
                absolute: now + settings.lifetimes.absolute,
                idle: dataLoss.deadlineTime(at: now) + settings.lifetimes.idle),
            proof: .init(time: now, methods: start.authMethods), scope: start.user.scope, roles: start.user.roles,
            device: Session.deviceName(start.device), origin: start.origin,
            chain: .init(hash: token.hash, rotatedAt: now))
        let event = Event(.sessionStarted, at: now, subject: start.user.id, session: id, origin: start.origin)
        for _ in 0..<3 {
            let result = try await stored { () async throws(StoreError) in
                try await store.startSession(
                    session, ifUserVersionIs: start.user.version, limit: limit, releasing: reservation, event)
            }
            switch result {
            case .started(let displaced):
                environment.publish([event] + displaced)
                return try grant(session, token, at: now, under: settings)
            case .userChanged: return nil
            case .crowded:
                try await makeRoom(beside: limit - 1, of: start.user.id, SessionEnding(displacedBy: session))
            }
        }
        throw .unavailable
    }
}
