/// What a signed token is, by its `typ` (RFC 7515 §4.1.9, RFC 8725 §3.11): no token may stand for one of another kind.
package struct TokenType: Sendable, Hashable {
    /// In lower case, without `application/`.
    package let name: String

    package init(_ name: String) { self.name = name }

    /// RFC 9068 §2.1.
    package static let accessToken = Self("at+jwt")

    /// Compared without regard to case, the prefix optional (RFC 7515 §4.1.9).
    func matches(_ typ: String) -> Bool { [name, "application/\(name)"].contains(typ.lowercased()) }
}

/// The compact serialisation of a JWS (RFC 7515 §7.1) that one of our own keys signed.
package enum SignedToken {
    /// A longer token is refused unread.
    package static let maximumLength = 8192

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

    /// What a token of this type says, if one of `keys` signed it.
    package static func payload(
        of token: String, type: TokenType, with keys: [String: VerificationKey]
    ) throws(AccessTokenError) -> [UInt8] {
        guard token.utf8.count <= maximumLength else { throw .malformed }
        let segments = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard segments.count == 3, let header = Base64URL.decode(segments[0]),
            let signature = Base64URL.decode(segments[2])
        else { throw .malformed }

        let key = try pinnedKey(for: header, type: type, among: keys)
        let signed = [UInt8](token.utf8[..<segments[1].endIndex])
        guard key.isValid(signature: signature, for: signed) else { throw .badSignature }

        guard let payload = Base64URL.decode(segments[1]) else { throw .malformed }
        return payload
    }

    /// Key and algorithm are fixed by us, before anything else is looked at: the algorithm is the key's own.
    private static func pinnedKey(
        for bytes: [UInt8], type: TokenType, among keys: [String: VerificationKey]
    ) throws(AccessTokenError) -> VerificationKey {
        let header: Header
        do {
            header = try JSONText.decode(Header.self, from: bytes)
        } catch {
            throw .malformed
        }
        guard let key = keys[header.kid] else { throw .unknownKey }
        guard header.alg == key.algorithm.rawValue else { throw .algorithmNotAllowed }
        guard type.matches(header.typ) else { throw .wrongType }
        return key
    }
}
