import Crypto
import PawlCore
import PawlJOSE

/// ``RefreshToken/init(authenticating:with:)``: takes exactly the texts that a master secret made.
struct RefreshTokenFuzz {
    private let secret: MasterSecret
    private let secrets: MasterSecrets
    private let good: String

    init() throws {
        guard let secret = MasterSecret(Secret(0..<32)),
            let session = SessionID(bytes: [UInt8](repeating: 7, count: 16))
        else { throw NoSubject() }
        let secrets = try MasterSecrets(newestFirst: [secret])
        let token = RefreshToken(
            keyID: secret.id, sessionID: session, generation: 3, issuedAt: UnixTime(seconds: 1_800_000_000),
            secret: Secret(64..<96))
        guard let good = token.text(with: secrets) else { throw NoSubject() }
        (self.secret, self.secrets, self.good) = (secret, secrets, good)
    }

    func fault(mode: UInt8, with input: ArraySlice<UInt8>) -> String? {
        switch mode % 4 {
        case 0:
            return fault(of: String(decoding: input, as: UTF8.self), isAuthentic: false)
        case 1:
            let text = edited(good, by: input)
            return fault(of: text, isAuthentic: isSame(text, good))
        case 2:
            return fault(of: "prt_" + Base64URL.encode(input), isAuthentic: false)
        default:
            // With its right tag: everything in front of the tag is the input's own.
            var bytes = [UInt8](input.prefix(59))
            bytes += [UInt8](repeating: 0, count: 59 - bytes.count)
            let tag = HMAC<SHA256>.authenticationCode(for: bytes, using: secret.refreshTagKey)
            let text = "prt_" + Base64URL.encode(bytes + Array(tag).prefix(16))
            return fault(of: text, isAuthentic: bytes[0] == 1 && bytes[1] == secret.id)
        }
    }

    private func fault(of text: String, isAuthentic: Bool) -> String? {
        let token = RefreshToken(authenticating: text, with: secrets)
        // A text that a mutation made cannot be authentic, but the corpus may hold one that is.
        guard (token != nil) == isAuthentic || isSame(text, good) else {
            return "\(isAuthentic ? "refused" : "accepted"): \(text)"
        }
        guard let token else { return nil }
        guard let again = token.text(with: secrets), isSame(again, text) else { return "not canonical: \(text)" }
        return nil
    }
}
