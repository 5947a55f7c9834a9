package import PawlJOSE

extension Sessions {
    /// How fresh, in seconds, a proof of identity must be to end sessions other than one's own (RFC 9470).
    package static let freshness: Int64 = 10 * 60

    /// The live session that an access token speaks for, read from the store. Its `authTime` is the token's where that
    /// is earlier: a token from before a step-up proves no more than it did when it was made (RFC 9470 §3).
    package func session(of claims: AccessTokenClaims) async throws(SessionError) -> Session {
        guard let id = claims.sessionID.flatMap({ SessionID($0) }) else { throw .noSuchSession }
        let session = try await stored { () async throws(StoreError) in try await store.session(id) }
        guard var session, session.isLive(at: clock.now) else {
            throw .sessionEnded(session?.ending?.reason ?? .expired)
        }
        session.proof.time = min(session.proof.time, UnixTime(seconds: claims.authTime ?? 0))
        return session
    }

    /// The subject's live sessions, one for each device, newest first.
    /// - Parameters:
    ///   - cursor: the last one of the page before.
    ///   - limit: how many at most.
    package func devices(
        of subject: SubjectID, after cursor: SessionID? = nil, limit: Int = 100
    ) async throws(SessionError) -> [Session] {
        try await stored { () async throws(StoreError) in
            try await store.liveSessions(of: subject, after: cursor, limit: limit, at: clock.now)
        }
    }

    /// Names a device of the subject. What ``Session/deviceName(_:)`` leaves empty takes the name away.
    package func rename(_ id: SessionID, to device: String, by session: Session) async throws(SessionError) {
        let isRenamed = try await stored { () async throws(StoreError) in
            try await store.rename(id, of: session.subject, to: Session.deviceName(device), at: clock.now)
        }
        guard isRenamed else { throw .noSuchSession }
    }

    /// Signs the caller's own session out.
    package func signOut(_ session: Session, origin: Origin) async throws(SessionError) {
        try await end(.one(session.id), .signedOut, at: clock.now, origin: origin)
    }

    /// Ends one session of the subject. One of somebody else's is as unknown as one that never was.
    package func end(_ id: SessionID, by session: Session, origin: Origin) async throws(SessionError) {
        if id == session.id { return try await signOut(session, origin: origin) }
        let target = try await stored { () async throws(StoreError) in try await store.session(id) }
        guard let target, target.subject == session.subject, target.isLive(at: clock.now) else { throw .noSuchSession }
        try requireFreshness(of: session)
        try await end(.one(id), .revoked, at: clock.now, origin: origin)
    }

    /// Ends all sessions of the subject but this one.
    package func endOthers(by session: Session, origin: Origin) async throws(SessionError) {
        try requireFreshness(of: session)
        try await end(
            .others(of: session.subject, keeping: session.id), .revoked, at: clock.now, origin: origin)
    }

    /// Ends all sessions of the subject, this one too.
    package func endAll(by session: Session, origin: Origin) async throws(SessionError) {
        try requireFreshness(of: session)
        let now = clock.now
        // This one last: if the store fails in between, the caller can repeat the request.
        try await end(.others(of: session.subject, keeping: session.id), .signedOut, at: now, origin: origin)
        try await end(.one(session.id), .signedOut, at: now, origin: origin)
    }

    private func requireFreshness(of session: Session) throws(SessionError) {
        guard clock.now.age(since: session.proof.time) <= Self.freshness else {
            throw .insufficientAuthentication(maxAge: Self.freshness)
        }
    }
}
