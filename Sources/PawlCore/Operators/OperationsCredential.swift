import Crypto
import PawlJOSE

/// How the command line and the operations listener show each other that they hold a master secret.
///
/// A request carries an HMAC under the operations key over what is asked and when, good for a minute and for that
/// request alone. Any local user may listen on a port that is free, so the command line trusts no listener either: it
/// encrypts the body, which may hold a password, and believes only an answer that carries the server's own HMAC.
package struct OperationsCredential: Sendable {
    package static let scheme = "Pawl-Operations"
    /// The media type of an encrypted body.
    package static let sealedType = "application/vnd.pawl.sealed"
    /// Seconds that a credential is good for, and that clocks may differ.
    static let lifetime: Int64 = 60

    package struct Subject: Sendable {
        let method: String
        let path: String
        package let body: [UInt8]

        package init(method: String, path: String, body: [UInt8]) {
            self.method = method
            self.path = path
            self.body = body
        }

        func bytes(at time: UnixTime) -> [UInt8] {
            [UInt8]("\(method)\n\(path)\n\(time.seconds)\n".utf8) + SHA256.hash(data: body)
        }

        /// What an encrypted body belongs to.
        fileprivate var place: [UInt8] { [UInt8]("\(method)\n\(path)".utf8) }

        /// The same request with its body encrypted for holders of the newest master secret. An empty body stays.
        package func sealed(by secrets: MasterSecrets) throws -> Self {
            guard !body.isEmpty else { return self }
            let box = try AES.GCM.seal(body, using: secrets.newest.operationsBodyKey, authenticating: place)
            return Self(method: method, path: path, body: [UInt8](box.nonce) + box.ciphertext + box.tag)
        }

        /// The body in clear; nil if `secret` did not encrypt it for this method and path.
        package func openedBody(by secret: MasterSecret) -> [UInt8]? {
            guard let box = try? AES.GCM.SealedBox(combined: body) else { return nil }  // too short: not ours
            // Another key or a changed byte: not ours either.
            return (try? AES.GCM.open(box, using: secret.operationsBodyKey, authenticating: place)).map { [UInt8]($0) }
        }
    }

    /// The value of `Authorization`.
    package static func header(for subject: Subject, secrets: MasterSecrets, at now: UnixTime) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: subject.bytes(at: now), using: secrets.newest.operationsKey)
        return "\(scheme) \(now.seconds).\(Base64URL.encode([UInt8](code)))"
    }

    /// The trusted master secret that made `header` for `subject` within the last minute; nil if none did.
    package static func signer(
        of header: String, for subject: Subject, secrets: MasterSecrets, at now: UnixTime
    ) -> MasterSecret? {
        let parts = header.split(separator: " ")
        guard parts.count == 2, parts[0] == scheme else { return nil }
        let fields = parts[1].split(separator: ".")
        guard fields.count == 2, let seconds = Int64(fields[0]),
            (now.seconds - lifetime...now.seconds + lifetime).contains(seconds),
            let code = Base64URL.decode(fields[1].utf8)
        else { return nil }
        let signed = subject.bytes(at: UnixTime(seconds: seconds))
        return secrets.trusted.first {
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: $0.operationsKey)
        }
    }

    /// The value of `Authentication-Info` (RFC 7615): proves that who answers the request with `header` holds the
    /// master secret that made it.
    package static func proof(status: Int, body: [UInt8], to header: String, by secret: MasterSecret) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: answer(status, body, header), using: secret.operationsAnswerKey)
        return "proof=\(Base64URL.encode([UInt8](code)))"
    }

    package static func isProof(
        _ proof: String, status: Int, body: [UInt8], to header: String, secrets: MasterSecrets
    ) -> Bool {
        guard proof.hasPrefix("proof="), let code = Base64URL.decode(proof.dropFirst("proof=".count).utf8) else {
            return false
        }
        return HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: answer(status, body, header), using: secrets.newest.operationsAnswerKey)
    }

    private static func answer(_ status: Int, _ body: [UInt8], _ header: String) -> [UInt8] {
        [UInt8]("\(header)\n\(status)\n".utf8) + SHA256.hash(data: body)
    }
}
