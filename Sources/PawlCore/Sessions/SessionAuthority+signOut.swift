extension SessionAuthority {
    /// Ends the session of a refresh token of any generation. Silent about tokens that are garbage or dead: whoever
    /// wants to be signed out is.
    public func signOut(refreshToken: String, delivery: Delivery, origin: Origin) async throws(SessionError) {
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
            presented, on: session, delivery: delivery, attempt: nil, origin: origin, under: inForce)
        if verdict == .wrongDelivery { return }
        // What a leaked master secret could have made ends nothing: only the current token's hash proves its holder.
        if inForce.secrets[presented.keyID]?.isDistrusted != false && verdict != .rotate { return }
        // What a copy's holder does is recorded as what it is; that may end the session already.
        if verdict == .reuse { try await recordReuse(presented, delivery, origin, under: inForce) }
        try await end(.one(presented.sessionID), of: session.subject, .signedOut, at: now, origin: origin)
    }

    /// Lets the store judge and record the reuse, as at a refresh. Its answer is not the caller's.
    private func recordReuse(
        _ presented: RefreshToken, _ delivery: Delivery, _ origin: Origin, under inForce: InForce
    ) async throws(SessionError) {
        do {
            _ = try await turn(
                presented, delivery: delivery, attempt: nil, origin: origin, stepUp: nil, under: inForce)
        } catch {
            if error == .unavailable { throw error }
        }
    }
}
