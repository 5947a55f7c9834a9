extension Sessions {
    /// Ends the session of a refresh token of any generation, however the token came. Garbage and tokens of sessions that
    /// have ended change nothing and are no error: their holder is signed out.
    /// - Parameter request: its attempt is the client's last one. Under it, the client's own old token is no copy.
    package func signOut(_ request: PresentedToken) async throws(SessionError) {
        let settings = self.settings
        guard let token = RefreshToken(authenticating: request.refreshToken, with: settings.secrets),
            ended[token.sessionID] == nil
        else { return }
        let now = clock.now
        // As at a refresh: no look-up for a token that nothing can come of (P10).
        guard now.age(since: token.issuedAt) <= 2 * settings.lifetimes.idle else { return }
        let session = try await stored { () async throws(StoreError) in try await store.session(token.sessionID) }
        if let session, let ending = session.ending {
            ended.insert(token.sessionID, ending.reason, of: session.subject)
        }
        guard let session, session.ending == nil else { return }
        let request = request.delivered(by: session.delivery)
        let verdict = verdict(on: token, by: request, of: session, under: settings)
        // What a leaked master secret could have made ends nothing: only the current token's hash proves its holder.
        let isCurrent = verdict == .rotate || verdict == .steady
        let isDistrusted = settings.secrets[token.keyID]?.isDistrusted ?? true
        if verdict == .invalid || (isDistrusted && !isCurrent) { return }
        // What a copy's holder does is recorded as what it is; that may end the session already.
        if verdict == .reuse { try await recordReuse(of: token, by: request, under: settings) }
        try await end(.one(token.sessionID), .signedOut, at: now, origin: request.origin)
    }

    /// The session that a refresh token belongs to, live or not; nil for a token that is not authentic.
    package func sessionID(of refreshToken: String) -> SessionID? {
        RefreshToken(authenticating: refreshToken, with: settings.secrets)?.sessionID
    }

    /// Lets the store judge and record the reuse, as at a refresh. Its answer is not the caller's.
    private func recordReuse(
        of token: RefreshToken, by request: PresentedToken, under settings: LiveSettings
    ) async throws(SessionError) {
        do {
            _ = try await turn(token, by: request, under: settings)
        } catch {
            if error == .unavailable { throw error }
        }
    }
}

extension PresentedToken {
    fileprivate func delivered(by delivery: Delivery) -> Self {
        PresentedToken(refreshToken: refreshToken, delivery: delivery, attempt: attempt, origin: origin)
    }
}
