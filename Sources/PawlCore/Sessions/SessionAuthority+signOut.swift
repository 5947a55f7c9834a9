extension SessionAuthority {
    /// Ends the session of a refresh token of any generation, whichever way it came. Silent about tokens that are
    /// garbage or dead: whoever wants to be signed out is.
    /// - Parameter attempt: the name of the client's last attempt. Under it, the client's own old token is no copy.
    public func signOut(refreshToken: String, attempt: AttemptName?, origin: Origin) async throws(SessionError) {
        let inForce = inForce
        guard let presented = RefreshToken(authenticating: refreshToken, with: inForce.secrets),
            dead[presented.sessionID] == nil
        else { return }
        let now = clock.now
        let session = try await stored { () async throws(StoreError) in try await store.session(presented.sessionID) }
        if let session, let ending = session.ending {
            dead.insert(presented.sessionID, ending.reason, of: session.subject)
        }
        guard let session, session.ending == nil else { return }
        let verdict = try wouldTurn(
            presented, on: session, delivery: session.delivery, attempt: attempt, origin: origin, under: inForce)
        // What a leaked master secret could have made ends nothing: only the current token's hash proves its holder.
        let isCurrent = verdict == .rotate || verdict == .steady
        let isDistrusted = inForce.secrets[presented.keyID]?.isDistrusted ?? true
        if verdict == .invalid || (isDistrusted && !isCurrent) { return }
        // What a copy's holder does is recorded as what it is; that may end the session already.
        if verdict == .reuse { try await recordReuse(presented, of: session, attempt, origin, under: inForce) }
        try await end(.one(presented.sessionID), of: session.subject, .signedOut, at: now, origin: origin)
    }

    /// The session that a refresh token belongs to, live or not; nil for a token that is not authentic.
    package func sessionID(of refreshToken: String) -> SessionID? {
        RefreshToken(authenticating: refreshToken, with: inForce.secrets)?.sessionID
    }

    /// Lets the store judge and record the reuse, as at a refresh. Its answer is not the caller's.
    private func recordReuse(
        _ presented: RefreshToken, of session: Session, _ attempt: AttemptName?, _ origin: Origin,
        under inForce: InForce
    ) async throws(SessionError) {
        do {
            _ = try await turn(
                presented, delivery: session.delivery, attempt: attempt, origin: origin, stepUp: nil, under: inForce)
        } catch {
            if error == .unavailable { throw error }
        }
    }
}
