/// Checks access tokens (RFC 9068 §4, RFC 8725): a pure function of the token, the keys and the time.
package struct AccessTokenVerifier: Sendable {
    /// Compared code point by code point (RFC 8414 §3.3).
    package let issuer: String
    /// A token is meant for us if its `aud` names this.
    package let audience: String
    /// How many seconds this clock and the issuer's may differ: a token may be dated so far in the future, and is good
    /// for so long after its expiry.
    package let skew: Int64
    /// Seconds. No token of Pawl lives longer, so a token that says it does is refused, though the signature is good.
    package static let longestLifetime: Int64 = 3600

    package init(issuer: String, audience: String, skew: Int64 = 30) {
        self.issuer = issuer
        self.audience = audience
        self.skew = skew
    }

    /// The claims of `token`, if one of `keys` signed it and it is good at `now` (seconds since 1970).
    package func verify(
        _ token: String, with keys: [String: VerificationKey], at now: Int64
    ) throws(AccessTokenError) -> AccessTokenClaims {
        try check(try SignedToken.payload(of: token, type: .accessToken, with: keys), at: now)
    }

    private func check(_ bytes: [UInt8], at now: Int64) throws(AccessTokenError) -> AccessTokenClaims {
        let payload: AccessTokenPayload
        do {
            payload = try JSONText.decode(AccessTokenPayload.self, from: bytes)
        } catch {
            throw .malformed
        }
        // Not `==`, which takes different spellings of one character for the same.
        guard payload.iss.utf8.elementsEqual(issuer.utf8) else { throw .wrongIssuer }
        guard payload.aud.values.contains(where: { $0.utf8.elementsEqual(audience.utf8) }) else { throw .wrongAudience }
        let (expiry, issued) = (payload.exp.seconds, payload.iat.seconds)
        guard expiry > now - skew else { throw .expired }
        // A proof of identity from the future would stay fresh for longer than it may.
        guard [issued, payload.nbf?.seconds ?? 0, payload.authTime?.seconds ?? 0].allSatisfy({ $0 <= now + skew })
        else {
            throw .notYetValid
        }
        guard (1...Self.longestLifetime).contains(expiry - issued) else { throw .lifetimeNotAllowed }
        return payload.claims
    }
}
