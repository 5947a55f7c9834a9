extension Accounts {
    /// How many wrong passwords in a row a session may bring. They count on the session, not on the identifier, so a
    /// stolen token cannot lock its owner out elsewhere.
    static let stepUpTries = 5

    /// Turns the session and, the password being right, raises its `auth_time` (RFC 9470).
    package func reauthenticate(_ request: PresentedToken, password: Password) async throws(SessionError) -> TokenGrant
    {
        try await stepUp(request, password: password, new: nil)
    }

    /// Turns the session, sets a new password and ends the subject's other sessions, all in one transaction.
    package func changePassword(
        _ request: PresentedToken, current: Password, new: Password
    ) async throws(SessionError) -> TokenGrant {
        try await stepUp(request, password: current, new: new)
    }

    private func stepUp(
        _ request: PresentedToken, password: Password, new: Password?
    ) async throws(SessionError) -> TokenGrant {
        let settings = sessions.settings
        let token = try sessions.authenticate(request.refreshToken, under: settings)
        // One after another, so that right passwords at once do not look like too many wrong ones.
        try await tries.enter(token.sessionID.bytes)
        defer { tries.leave(token.sessionID.bytes) }
        let session = try await stored { () async throws(StoreError) in try await store.session(token.sessionID) }
        let verdict = sessions.verdict(on: token, by: request, of: session, under: settings)
        var stepUp: StepUp?
        // A retry whose first try went through needs no second proof (the password may be the new one by now), and
        // any other verdict is the store's to give. Without the proof it turns nothing. A refresh of that attempt proved
        // nothing either, so a step-up turns the session where a refresh would be steady.
        if verdict == .rotate || verdict == .steady, let session {
            let user = try await user(of: session)
            // Before the password is looked at: a new one that is refused must not count as a wrong old one.
            let share = HashingShare(request.origin, user.id.description)
            if let new { try await check(new, for: user.identifier, share) }
            stepUp = try await countingTry(in: session) { () async throws(SessionError) in
                try await prove(password, by: user, in: session, origin: request.origin)
                var newPassword: SealedPassword?
                if let new {
                    newPassword = try seal(try await hash(new, for: share), for: user.id)
                }
                return StepUp(userVersion: user.version, authMethods: ["pwd"], newPassword: newPassword)
            }
        }
        do throws(SessionError) {
            if let session, stepUp?.newPassword != nil {
                let ending = SessionEnding(.revoked, at: clock.now, origin: request.origin)
                try await sessions.makeRoom(beside: 0, sparing: session.id, of: session.subject, ending)
            }
            let grant = try await sessions.turn(
                token, by: request, as: new == nil ? .stepUp : .newPassword, with: stepUp, under: settings)
            if grant.isReplay, let new { try await requireThat(new, wasSetIn: grant.session, origin: request.origin) }
            return grant
        } catch {
            // The password was right; only the turn came too late. That try is not one of the wrong ones.
            if stepUp != nil { try await refundTry(of: token.sessionID) }
            throw error
        }
    }

    /// Throws if the change that is repeated set another password than this one: the answer must not say that it is
    /// set. A wrong one counts like any other, since it may be a guess.
    private func requireThat(
        _ password: Password, wasSetIn session: Session, origin: Origin
    ) async throws(SessionError) {
        let user = try await user(of: session)
        do throws(SessionError) {
            try await countingTry(in: session) { () async throws(SessionError) in
                try await prove(password, by: user, in: session, origin: origin)
            }
        } catch {
            throw error == .wrongPassword ? .refreshConflict : error
        }
        try await refundTry(of: session.id)
    }

    private func refundTry(of session: SessionID) async throws(SessionError) {
        try await stored { () async throws(StoreError) in try await store.refundStepUpTry(session) }
    }

    /// Counts a try before the password is looked at, so that many at once do not get past the limit, and takes it back
    /// if it proved nothing either way (the server was busy).
    private func countingTry<Proof>(
        in session: Session, _ proof: () async throws(SessionError) -> Proof
    ) async throws(SessionError) -> Proof {
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
        guard try await verify(password, against: phc, for: HashingShare(origin, user.id.description)) else {
            let event = Event(.stepUpFailed, at: clock.now, subject: user.id, session: session.id, origin: origin)
            try await stored { () async throws(StoreError) in try await store.append(event) }
            environment.publish([event])
            throw .wrongPassword
        }
    }
}
