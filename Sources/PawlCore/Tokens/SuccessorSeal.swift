import Crypto

/// The current token, sealed so that only the holder of its predecessor can be given it again.
///
/// AES-256-GCM under a key of the predecessor's secret (``TokenKeys``), which the server does not keep: the database,
/// even with the master secret, gives nothing. 66 bytes: nonce 12, key id 1, issued 5, secret 32, tag 16.
package enum SuccessorSeal {
    /// - Parameter keys: those of `predecessor`.
    package static func seal(
        _ successor: RefreshToken, under predecessor: RefreshToken, _ keys: TokenKeys, randomness: Randomness
    ) throws -> [UInt8] {
        let content =
            [successor.keyID] + bigEndian(UInt64(bitPattern: successor.issuedAt.seconds), count: 5)
            + successor.secret.exposed
        let box = try AES.GCM.seal(
            content, using: keys.successorSeal, nonce: .init(data: randomness.bytes(12)),
            authenticating: associatedData(of: predecessor))
        return [UInt8](box.nonce) + [UInt8](box.ciphertext) + [UInt8](box.tag)
    }

    /// The successor that `seal` holds, or nil if `predecessor` is not the token it was sealed under.
    static func open(_ seal: [UInt8], with predecessor: RefreshToken) -> RefreshToken? {
        let content: [UInt8]
        do {
            content = [UInt8](
                try AES.GCM.open(
                    .init(combined: seal), using: TokenKeys(of: predecessor).successorSeal,
                    authenticating: associatedData(of: predecessor)))
        } catch {
            return nil  // wrong key or tampered data
        }
        guard content.count == 38 else { return nil }
        return RefreshToken(
            keyID: content[0], sessionID: predecessor.sessionID, generation: predecessor.generation &+ 1,
            issuedAt: UnixTime(seconds: Int64(integer(bigEndian: content[1..<6]))), secret: Secret(content[6...]))
    }

    private static func associatedData(of predecessor: RefreshToken) -> [UInt8] {
        [RefreshToken.version] + predecessor.sessionID.bytes
            + bigEndian(UInt64(predecessor.generation &+ 1), count: 4)
    }
}
