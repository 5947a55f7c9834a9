import PawlJOSE

/// Makes access tokens (RFC 9068) from sessions.
struct AccessTokenIssuer: Sendable {
    let issuer: String
    /// The issuer first: Pawl's own routes take no token that is not meant for them as well (RFC 9068 §4).
    let audience: [String]
    let keys: Keys
    let randomness: Randomness

    init(issuer: String, audience: [String], keys: Keys, randomness: Randomness) {
        self.issuer = issuer
        self.audience = audience.reduce(into: [issuer]) { if !$0.contains($1) { $0.append($1) } }
        self.keys = keys
        self.randomness = randomness
    }

    /// A token for `session`, whose absolute end no token outlives, and its lifetime in seconds.
    func issue(for session: Session, at now: UnixTime, lifetime: Int64) throws -> (token: String, lifetime: Int64) {
        let lifetime = min(lifetime, session.deadlines.absolute.age(since: now))
        let claims = AccessTokenClaims(
            issuer: issuer, subject: session.subject.description, audience: audience,
            expiresAt: now.seconds + lifetime, issuedAt: now.seconds, id: Base64URL.encode(randomness.bytes(16)),
            clientID: session.clientID, sessionID: session.id.description,
            authTime: min(session.proof.time, now).seconds,  // not in the future, even if a clock was set back since
            authMethods: session.proof.methods, scope: session.scope, roles: session.roles)
        return (try keys.signingKey(at: now).sign(claims), lifetime)
    }
}
