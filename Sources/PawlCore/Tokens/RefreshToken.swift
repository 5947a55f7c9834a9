import Crypto
import PawlJOSE

/// The long-lived credential: `prt_` and 100 characters of base64url over 75 bytes,
/// `version 1 · key id 1 · session id 16 · generation 4 · issued 5 · secret 32 · tag 16`, numbers big-endian.
///
/// The tag, HMAC-SHA256 over all before it, cut to 16 bytes, tells an authentic token from a forged or garbled one
/// without the database, so that nobody ends a session by guessing its id (RFC 9700 §4.14.2). The secret is what the
/// server keeps only the hash of.
package struct RefreshToken: Sendable, Equatable {
    package let keyID: UInt8
    package let sessionID: SessionID
    package let generation: UInt32
    package let issuedAt: UnixTime
    package let secret: Secret

    static let prefix = "prt_"
    static let version: UInt8 = 1
    static let secretLength = 32
    static let tagLength = 16
    static let byteLength = 75
    /// Characters of the whole token, prefix included.
    package static let textLength = 104

    package init(keyID: UInt8, sessionID: SessionID, generation: UInt32, issuedAt: UnixTime, secret: Secret) {
        self.keyID = keyID
        self.sessionID = sessionID
        self.generation = generation
        self.issuedAt = issuedAt
        self.secret = secret
    }

    /// The token that `text` is, if one of `secrets` made it: exact length, canonical base64url, known version, known
    /// key, right tag. All failures are alike.
    package init?(authenticating text: String, with secrets: MasterSecrets) {
        guard text.utf8.count == Self.textLength, text.hasPrefix(Self.prefix),
            let bytes = Base64URL.decode([UInt8](text.utf8.dropFirst(Self.prefix.utf8.count))),
            bytes.count == Self.byteLength, bytes[0] == Self.version,
            let master = secrets[bytes[1]],
            let sessionID = SessionID(bytes: [UInt8](bytes[2..<18]))
        else { return nil }
        let signed = [UInt8](bytes[..<59])
        guard constantTimeEquals(Self.tag(over: signed, under: master), bytes[59...]) else { return nil }
        self.init(
            keyID: bytes[1], sessionID: sessionID, generation: UInt32(integer(bigEndian: bytes[18..<22])),
            issuedAt: UnixTime(seconds: Int64(integer(bigEndian: bytes[22..<27]))), secret: Secret(bytes[27..<59]))
    }

    /// What goes to the client, or nil if the secret that made the token is no longer configured.
    package func text(with secrets: MasterSecrets) -> String? {
        guard let master = secrets[keyID] else { return nil }
        var bytes = [Self.version, keyID]
        bytes.reserveCapacity(Self.byteLength)
        bytes += sessionID.bytes
        bytes += bigEndian(UInt64(generation), count: 4)
        bytes += bigEndian(UInt64(bitPattern: issuedAt.seconds), count: 5)
        bytes += secret.exposed
        bytes += Self.tag(over: bytes, under: master)
        var text = [UInt8](Self.prefix.utf8)
        Base64URL.encode(bytes, into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func tag(over bytes: [UInt8], under master: MasterSecret) -> [UInt8] {
        var code = master.refreshTag
        code.update(data: bytes)
        return [UInt8](code.finalize().prefix(tagLength))
    }

    /// What the server keeps of the secret. It has 256 random bits, so a plain hash cannot be searched.
    package var hash: [UInt8] { [UInt8](SHA256.hash(data: secret.exposed)) }

    /// The next token of the session, made now by the newest master secret.
    package func successor(at now: UnixTime, secrets: MasterSecrets, randomness: Randomness) -> Self {
        Self(
            keyID: secrets.newest.id, sessionID: sessionID, generation: generation &+ 1, issuedAt: now,
            secret: Secret(randomness.bytes(Self.secretLength)))
    }
}
