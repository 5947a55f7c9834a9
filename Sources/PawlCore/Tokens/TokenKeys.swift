package import Crypto

/// What only the holder of a refresh token can derive: HKDF-Expand-SHA256 of the token's secret, one block (RFC 5869
/// §2.3). The secret is uniformly random, so nothing has to be extracted first (§3.3).
///
/// Setting up the HMAC costs several times what using it does, so a turn makes one and derives all it needs.
package struct TokenKeys {
    private let code: HMAC<SHA256>
    private let token: RefreshToken

    package init(of token: RefreshToken) {
        self.token = token
        code = HMAC(key: SymmetricKey(data: token.secret.exposed))
    }

    /// The key that the token's successor is sealed under.
    package var successorSeal: SymmetricKey { SymmetricKey(data: expand("pawl/v1/successor", token.context)) }

    /// What the store keeps of an attempt's name: checkable when that token comes back, not searchable.
    package func digest(of name: AttemptName) -> AttemptDigest {
        AttemptDigest(value: integer(bigEndian: expand("pawl/v1/attempt", name.name.exposed).prefix(8)))
    }

    private func expand(_ label: String, _ context: [UInt8]) -> HMAC<SHA256>.MAC {
        var info = [UInt8](label.utf8)
        info += context
        info.append(1)  // the number of the block
        var code = code
        code.update(data: info)
        return code.finalize()
    }
}

extension RefreshToken {
    /// Session and generation, as seals are bound to them.
    fileprivate var context: [UInt8] { sessionID.bytes + bigEndian(UInt64(generation), count: 4) }
}
