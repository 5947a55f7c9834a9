import Crypto
import PawlJWT

/// How the command line shows the operations listener that it holds a master secret: an HMAC under the operations key
/// over what is asked and when, good for a minute and for that request alone.
package struct OperationsCredential: Sendable {
    package static let scheme = "Pawl-Operations"
    /// Seconds that a credential is good for, and that clocks may differ.
    static let lifetime: Int64 = 60

    package struct Subject: Sendable {
        let method: String
        let path: String
        let body: [UInt8]

        package init(method: String, path: String, body: [UInt8]) {
            self.method = method
            self.path = path
            self.body = body
        }

        func bytes(at time: UnixTime) -> [UInt8] {
            [UInt8]("\(method)\n\(path)\n\(time.seconds)\n".utf8) + SHA256.hash(data: body)
        }
    }

    /// The value of `Authorization`.
    package static func header(for subject: Subject, secrets: MasterSecrets, at now: UnixTime) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: subject.bytes(at: now), using: secrets.newest.operationsKey)
        return "\(scheme) \(now.seconds).\(Base64URL.encode([UInt8](code)))"
    }

    package static func isValid(
        _ header: String, for subject: Subject, secrets: MasterSecrets, at now: UnixTime
    ) -> Bool {
        let parts = header.split(separator: " ")
        guard parts.count == 2, parts[0] == scheme else { return false }
        let fields = parts[1].split(separator: ".")
        guard fields.count == 2, let seconds = Int64(fields[0]),
            (now.seconds - lifetime...now.seconds + lifetime).contains(seconds),
            let code = Base64URL.decode(fields[1].utf8)
        else { return false }
        let signed = subject.bytes(at: UnixTime(seconds: seconds))
        return secrets.trusted.contains {
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: $0.operationsKey)
        }
    }
}
