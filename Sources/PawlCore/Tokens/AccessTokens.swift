package import PawlJOSE

/// Checks access tokens in the server's own process.
package struct AccessTokens: AccessTokenChecker {
    let environment: PawlEnvironment
    let keys: Keys
    private let verifier: AccessTokenVerifier

    init(_ environment: PawlEnvironment, issuer: String, keys: Keys) {
        self.environment = environment
        self.keys = keys
        verifier = AccessTokenVerifier(issuer: issuer, audience: issuer, skew: 2)
    }

    /// Checks an access token with the keys at hand, to the second of its expiry; sessions that ended in this
    /// process are refused at once. Only of a user with more ended sessions than are remembered is the session looked up
    /// in the store.
    package func validate(_ token: String) async throws(AccessTokenError) -> AccessTokenClaims {
        let now = environment.clock.now.seconds
        let claims = try verifier.verify(token, with: keys.verificationKeys, at: now)
        guard claims.expiresAt > now else { throw .expired }
        guard let id = claims.sessionID.flatMap({ SessionID($0) }) else { return claims }
        if environment.ended[id] != nil { throw .sessionEnded }
        guard let subject = SubjectID(claims.subject), environment.ended.isIncomplete(for: subject) else {
            return claims
        }
        let session: Session?
        do throws(SessionError) {
            session = try await environment.stored { () async throws(StoreError) in
                try await environment.store.session(id)
            }
        } catch {
            throw .unavailable
        }
        if session?.ending != nil { throw .sessionEnded }
        return claims
    }
}
