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
    /// A longer token is refused unread.
    package static let maximumLength = 8192

    package init(issuer: String, audience: String, skew: Int64 = 30) {
        self.issuer = issuer
        self.audience = audience
        self.skew = skew
    }

    /// The members that decide; `jwk`, `jku`, `x5u` and `x5c` are never looked at (RFC 8725 §3.10).
    private struct Header: Decodable {
        let alg: String
        let kid: String
        let typ: String

        private enum CodingKeys: CodingKey {
            case alg, kid, typ, crit, b64
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            alg = try members.decode(String.self, forKey: .alg)
            kid = try members.decode(String.self, forKey: .kid)
            typ = try members.decode(String.self, forKey: .typ)
            // RFC 7515 §4.1.11: no extension is understood. What the member holds does not matter; it may be `null`.
            for key in [CodingKeys.crit, .b64] where members.contains(key) {
                throw DecodingError.dataCorruptedError(forKey: key, in: members, debugDescription: "It is there.")
            }
        }
    }

    /// The `kid` of a token, before anything is trusted: to know whether fresh keys are worth fetching.
    package static func keyID(of token: String) -> String? {
        guard token.utf8.count <= maximumLength,
            let segment = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).first,
            let bytes = Base64URL.decode(segment)
        else { return nil }
        return (try? JSONText.decode(Header.self, from: bytes))?.kid  // an unreadable header has none
    }

    /// The claims of `token`, if one of `keys` signed it and it is good at `now` (seconds since 1970).
    package func verify(
        _ token: String, with keys: [String: VerificationKey], at now: Int64
    ) throws(AccessTokenError) -> AccessTokenClaims {
        guard token.utf8.count <= Self.maximumLength else { throw .malformed }
        let segments = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard segments.count == 3, let header = Base64URL.decode(segments[0]),
            let signature = Base64URL.decode(segments[2])
        else { throw .malformed }

        let key = try pinnedKey(for: header, among: keys)
        let signed = [UInt8](token.utf8[..<segments[1].endIndex])
        guard key.isValid(signature: signature, for: signed) else { throw .badSignature }

        guard let payload = Base64URL.decode(segments[1]) else { throw .malformed }
        return try check(payload, at: now)
    }

    /// Key and algorithm are fixed by us, before anything else is looked at: the algorithm is the key's own.
    private func pinnedKey(
        for bytes: [UInt8], among keys: [String: VerificationKey]
    ) throws(AccessTokenError) -> VerificationKey {
        let header: Header
        do {
            header = try JSONText.decode(Header.self, from: bytes)
        } catch {
            throw .malformed
        }
        guard let key = keys[header.kid] else { throw .unknownKey }
        guard header.alg == key.algorithm.rawValue else { throw .algorithmNotAllowed }
        // RFC 9068 §4: compared without regard to case, the prefix optional (RFC 7515 §4.1.9).
        guard ["at+jwt", "application/at+jwt"].contains(header.typ.lowercased()) else { throw .wrongType }
        return key
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
