/// A refresh token that comes with a password.
public struct StepUpRequest: Sendable {
    public let refreshToken: String
    public let delivery: Delivery
    public let attempt: AttemptName?
    public let origin: Origin

    public init(refreshToken: String, delivery: Delivery, attempt: AttemptName?, origin: Origin) {
        self.refreshToken = refreshToken
        self.delivery = delivery
        self.attempt = attempt
        self.origin = origin
    }
}

extension StepUpRequest: CustomStringConvertible, CustomReflectable {
    /// Without the credential, wherever it is printed.
    public var description: String { "StepUpRequest from \(origin.address)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Accounts {
    /// How many wrong passwords in a row a session may bring. They count on the session, not on the identifier, so a
    /// stolen token cannot lock its owner out elsewhere.
    static let stepUpTries = 5

    /// Turns the session and, the password being right, raises its `auth_time` (RFC 9470).
    public func reauthenticate(_ request: StepUpRequest, password: Password) async throws(SessionError) -> TokenGrant {
        try await stepUp(request, password: password, new: nil)
    }

    /// Turns the session, sets a new password and ends the subject's other sessions, all in one transaction.
    public func changePassword(
        _ request: StepUpRequest, current: Password, new: Password
    ) async throws(SessionError) -> TokenGrant {
        try await stepUp(request, password: current, new: new)
    }

    private func stepUp(
        _ request: StepUpRequest, password: Password, new: Password?
    ) async throws(SessionError) -> TokenGrant {
        let inForce = sessions.inForce
        let presented = try sessions.authenticate(request.refreshToken, under: inForce)
        let session = try await stored { () async throws(StoreError) in try await store.session(presented.sessionID) }
        let verdict = try sessions.wouldTurn(
            presented, on: session, delivery: request.delivery, attempt: request.attempt, origin: request.origin,
            under: inForce)
        // The replay of a turn that did something else proved nothing and set no password: it must not look as if it
        // had. Without a name it may be a racing refresh's.
        let operation = new == nil ? Operation.stepUp : .newPassword
        if verdict == .replay, request.attempt == nil || session?.turnedBy != operation { throw .refreshConflict }
        var stepUp: Turn.StepUp?
        // A retry whose first try went through needs no second proof (the password may be the new one by now), and
        // any other verdict is the store's to give.
        if verdict == .rotate, let session {
            let user = try await user(of: session)
            // Before the password is looked at: a new one that is refused must not count as a wrong old one.
            if let new { try check(new, for: user.identifier) }
            stepUp = try await countingTry(in: session) { () async throws(SessionError) in
                try await prove(password, by: user, in: session, origin: request.origin)
                var newPassword: SealedPassword?
                if let new { newPassword = try seal(try await hash(new), for: user.id) }
                return Turn.StepUp(userVersion: user.version, authMethods: ["pwd"], newPassword: newPassword)
            }
        }
        if let session, stepUp?.newPassword != nil {
            let ending = PlannedEnding(.revoked, at: clock.now, origin: request.origin)
            try await sessions.makeRoom(beside: 0, sparing: session.id, of: session.subject, ending)
        }
        do throws(SessionError) {
            return try await sessions.turn(
                presented, delivery: request.delivery, attempt: request.attempt, origin: request.origin, stepUp: stepUp,
                under: inForce)
        } catch {
            // The password was right; only the turn came too late. That try is not one of the wrong ones.
            if stepUp != nil { try await refundTry(of: presented.sessionID) }
            throw error
        }
    }

    private func refundTry(of session: SessionID) async throws(SessionError) {
        try await stored { () async throws(StoreError) in try await store.refundStepUpTry(session) }
    }

    /// Counts a try before the password is looked at, so that many at once do not get past the limit, and takes it back
    /// if it proved nothing either way (the server was busy).
    private func countingTry(
        in session: Session, _ proof: () async throws(SessionError) -> Turn.StepUp
    ) async throws(SessionError) -> Turn.StepUp {
        let isGranted = try await stored { () async throws(StoreError) in
            try await store.spendStepUpTry(session.id, limit: Self.stepUpTries)
        }
        guard isGranted else { throw .stepUpLocked }
        do throws(SessionError) {
            return try await proof()
        } catch {
            if error != .wrongPassword { try await refundTry(of: session.id) }
            throw error
        }
    }

    private func prove(
        _ password: Password, by user: User, in session: Session, origin: Origin
    ) async throws(SessionError) {
        guard let phc = user.password.phc(for: user.id, secrets: secrets) else { throw .sessionEnded(.revoked) }
        guard try await verify(password, against: phc) else {
            let event = Event(.stepUpFailed, at: clock.now, subject: user.id, session: session.id, origin: origin)
            try await stored { () async throws(StoreError) in try await store.append(event) }
            sessions.logger.tell(event)
            throw .wrongPassword
        }
    }
}
