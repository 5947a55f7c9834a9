/// A password as somebody typed it: NFC, at most 1,024 bytes, never truncated (NIST SP 800-63B §3.1.1.2).
public struct Password: Sendable, Equatable {
    let secret: Secret
    /// Counted per code point, as NIST does.
    let length: Int

    static let maximumBytes = 1024

    /// - Returns: nil if it is longer than 1,024 bytes.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        let normalized = text.nfc
        secret = Secret(normalized.utf8)
        length = normalized.unicodeScalars.count
    }

    /// One that nobody knows.
    init(random source: Randomness) {
        secret = Secret(Hex.encode(source.bytes(32)).utf8)
        length = 64
    }

    /// For the hasher.
    public var bytes: [UInt8] { secret.exposed }
}

/// What a new password must be: long, and not one that is tried first. No composition rules.
///
/// OWASP ASVS 6.2.4 asks for a list of 3,000 passwords that fit the policy. Of public lists hardly any entry has 15
/// characters, so attackers make longer passwords from them. ``GuessedPassword`` refuses what is made that way.
package struct PasswordRules: Sendable {
    /// Code points; 15 where the password is the only factor, never under 8 (NIST SP 800-63B §3.1.1.2).
    package let minimumLength: Int
    private let guesses: GuessedPassword

    /// - Parameter extraBlocked: further passwords to refuse, such as the names of the site; without regard to case, and
    ///   as parts of longer passwords too.
    package init(minimumLength: Int = 15, extraBlocked: some Sequence<String> = []) {
        self.minimumLength = max(8, minimumLength)
        guesses = GuessedPassword(words: Set(extraBlocked.map { $0.lowercased() }))
    }

    /// Why a password was refused; each tells the user what to do.
    package enum Refusal: Sendable, Hashable {
        case tooShort(minimum: Int)
        case common
        case containsIdentifier
    }

    package func refusal(of password: Password, for identifier: Identifier) -> Refusal? {
        guard password.length >= minimumLength else { return .tooShort(minimum: minimumLength) }
        let text = String(decoding: password.bytes, as: UTF8.self).lowercased()
        let own = identifier.text
        let names = [own, identifier.spelling] + own.split { !$0.isLetter && !$0.isNumber }.map(String.init)
        if text == own || text == String(own.prefix { $0 != "@" }) { return .containsIdentifier }
        guard guesses.contains(text, of: Set(names)) else { return nil }
        return guesses.contains(text, of: []) ? .common : .containsIdentifier
    }
}
