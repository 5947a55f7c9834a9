import Crypto

/// A password's PHC string, sealed: a copy of the whole database holds no hash to guess at.
/// AES-256-GCM under the newest master secret's password key, bound to the user: key id 1, nonce 12, content, tag 16.
package struct SealedPassword: Sendable, Equatable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// - Throws: swift-crypto's error if sealing fails.
    init(_ phc: String, for user: SubjectID, secrets: MasterSecrets) throws {
        let box = try AES.GCM.seal([UInt8](phc.utf8), using: secrets.newest.passwordKey, authenticating: user.bytes)
        bytes = [secrets.newest.id] + [UInt8](box.nonce) + [UInt8](box.ciphertext) + [UInt8](box.tag)
    }

    /// The PHC string, or nil if no configured secret opens it for this user.
    func phc(for user: SubjectID, secrets: MasterSecrets) -> String? {
        guard let id = bytes.first, let master = secrets[id] else { return nil }
        do {
            let box = try AES.GCM.SealedBox(combined: bytes.dropFirst())
            return String(
                decoding: try AES.GCM.open(box, using: master.passwordKey, authenticating: user.bytes), as: UTF8.self)
        } catch {
            return nil  // wrong key or tampered data
        }
    }

    /// Whether the newest secret made it.
    func isCurrent(_ secrets: MasterSecrets) -> Bool { bytes.first == secrets.newest.id }
}
