import Crypto
import PawlJOSE

/// ``AccessTokenVerifier``: takes no token that was changed, and of those that its keys signed exactly the ones that
/// RFC 9068 §4 lets pass.
struct AccessTokenFuzz {
    private let now: Int64 = 1_800_000_000
    private let verifier = AccessTokenVerifier(issuer: "https://pawl.test", audience: "https://api.test")
    private let es256: P256.Signing.PrivateKey
    private let edDSA: Curve25519.Signing.PrivateKey
    /// The first signs with ES256, the second with EdDSA; so with the arrays below.
    private let signingKeys: [SigningKey]
    private let keys: [String: VerificationKey]
    private let good: [String]
    private let headers: [[UInt8]]
    private let payloads: [[UInt8]]
    private let signatures: [[UInt8]]

    init() throws {
        es256 = try P256.Signing.PrivateKey(rawRepresentation: Array(UInt8(1)...32))
        edDSA = try Curve25519.Signing.PrivateKey(rawRepresentation: Array(UInt8(1)...32))
        signingKeys = [
            try SigningKey(id: "es", algorithm: .es256, rawRepresentation: [UInt8](es256.rawRepresentation)),
            try SigningKey(id: "ed", algorithm: .edDSA, rawRepresentation: [UInt8](edDSA.rawRepresentation)),
        ]
        keys = Dictionary(uniqueKeysWithValues: signingKeys.map { ($0.id, $0.verificationKey) })
        let claims = AccessTokenClaims(
            issuer: verifier.issuer, subject: "0f", audience: [verifier.audience], expiresAt: now + 900,
            issuedAt: now, id: "1", clientID: "first-party", sessionID: "2a", authTime: now - 60, authMethods: ["pwd"],
            scope: ["read"], roles: ["editor"])
        good = try signingKeys.map { try $0.sign(claims) }
        let parts = good.map { $0.split(separator: ".").compactMap { Base64URL.decode($0.utf8) } }
        (headers, payloads, signatures) = (parts.map { $0[0] }, parts.map { $0[1] }, parts.map { $0[2] })
    }

    /// The lowest bit chooses the key, the others how the input is dressed.
    func fault(mode: UInt8, with input: ArraySlice<UInt8>) throws -> String? {
        let key = Int(mode & 1)
        switch (mode >> 1) % 5 {
        case 0:
            let token = String(decoding: input, as: UTF8.self)
            _ = SignedToken.keyID(of: token)
            return claims(of: token) == nil ? nil : "accepted: \(token)"
        case 1:
            let token = edited(good[key], by: input)
            return isSame(token, good[key]) || claims(of: token) == nil ? nil : "accepted: \(token)"
        case 2:
            let signature = [UInt8](input)
            let token =
                "\(good[key][..<(good[key].lastIndex(of: ".") ?? good[key].endIndex)]).\(Base64URL.encode(signature))"
            return signature == signatures[key] || claims(of: token) == nil ? nil : "accepted: \(token)"
        case 3:
            return try fault(header: [UInt8](input), payload: payloads[key], key: key)
        default:
            return try fault(header: headers[key], payload: [UInt8](input), key: key)
        }
    }

    private func claims(of token: String) -> AccessTokenClaims? {
        try? verifier.verify(token, with: keys, at: now)  // why it was refused does not matter here
    }

    /// A token that is rightly signed, whatever it says.
    private func fault(header: [UInt8], payload: [UInt8], key: Int) throws -> String? {
        let signed = [UInt8]("\(Base64URL.encode(header)).\(Base64URL.encode(payload))".utf8)
        let signature =
            key == 0
            ? [UInt8](try es256.signature(for: signed).rawRepresentation) : [UInt8](try edDSA.signature(for: signed))
        let token = String(decoding: signed, as: UTF8.self) + "." + Base64URL.encode(signature)
        guard let claims = claims(of: token) else {
            // Foundation's decoder does not read `0e7`, which RFC 8259 §6 allows. No issuer writes it, and it is refused.
            let isOdd = String(decoding: payload, as: UTF8.self).lowercased().contains("0e")
            return isGood(header: header, key: key) && isGood(payload: payload) && !isOdd ? "refused: \(token)" : nil
        }
        guard isGood(header: header, key: key), isGood(payload: payload) else { return "accepted: \(token)" }
        // A claim set that cannot be signed again is as wrong as one that comes out otherwise.
        guard let again = try? signingKeys[key].sign(claims), self.claims(of: again) == claims else {
            return "not canonical: \(token)"
        }
        return nil
    }

    private func isGood(header: [UInt8], key: Int) -> Bool {
        guard let header = JSONJudge.plainObject(header), case .object(let members) = header else { return false }
        return header["alg"]?.text == signingKeys[key].algorithm.rawValue
            && header["kid"]?.text == signingKeys[key].id
            && ["at+jwt", "application/at+jwt"].contains(header["typ"]?.text?.lowercased())
            && !members.contains { ["crit", "b64"].contains(String(decoding: $0.name, as: UTF8.self)) }
    }

    private func isGood(payload: [UInt8]) -> Bool {
        guard let payload = JSONJudge.plainObject(payload), case .object(let members) = payload,
            !members.contains(where: {
                $0.value == .null && Self.claims.contains(String(decoding: $0.name, as: UTF8.self))
            }),
            payload["iss"]?.text == verifier.issuer,
            ["sub", "jti", "client_id"].allSatisfy({ payload[$0]?.text?.isEmpty == false }),
            payload["sid"].map({ $0.text?.isEmpty == false }) ?? true,
            payload["scope"].map({ $0.text != nil }) ?? true,
            ["amr", "roles"].allSatisfy({ payload[$0].map { $0.texts != nil } ?? true }),
            let audience = payload["aud"]?.text.map({ [$0] }) ?? payload["aud"]?.texts,
            audience.contains(verifier.audience), let expiry = payload["exp"]?.number,
            let issued = payload["iat"]?.number
        else { return false }
        let times = ["exp", "iat", "nbf", "auth_time"].compactMap { payload[$0] }
        let starts = ["iat", "nbf", "auth_time"].compactMap { payload[$0]?.number }
        let (now, skew) = (Double(now), Double(verifier.skew))
        return times.allSatisfy { $0.number.map { (0..<1e12).contains($0) && $0 == $0.rounded() } ?? false }
            && expiry > now - skew && starts.allSatisfy { $0 <= now + skew } && (1...3600).contains(expiry - issued)
    }

    /// The claims that are read: `null` stands for no claim.
    private static let claims: Set = [
        "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "sid", "auth_time", "amr", "scope", "roles",
    ]
}
