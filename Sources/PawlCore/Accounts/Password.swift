/// A password as somebody typed it: NFC, at most 1,024 bytes, never truncated (NIST SP 800-63B §3.1.1.2).
public struct Password: Sendable, Equatable {
    let secret: Secret
    /// Counted per code point, as NIST does.
    let length: Int

    static let maximumBytes = 1024

    /// - Returns: nil if it is longer than 1,024 bytes.
    public init?(_ text: String) {
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
    package var bytes: [UInt8] { secret.exposed }
}

/// What a new password must be: long, and not one that is tried first. No composition rules.
public struct PasswordRules: Sendable {
    /// Code points; 15 where the password is the only factor, never under 8 (NIST SP 800-63B §3.1.1.2).
    public let minimumLength: Int
    private let blocklist: Set<String>
    private let blockedLengths: ClosedRange<Int>

    /// - Parameter extraBlocked: further passwords to refuse, compared whole and without regard to case.
    public init(minimumLength: Int = 15, extraBlocked: some Sequence<String> = []) {
        self.minimumLength = max(8, minimumLength)
        blocklist = CommonPasswords.all.union(extraBlocked.map { $0.lowercased() })
        blockedLengths = 4...(blocklist.lazy.map(\.utf8.count).max() ?? 4)
    }

    /// Why a password was refused; each tells the user what to do.
    public enum Refusal: Sendable, Hashable {
        case tooShort(minimum: Int)
        case common
        case containsIdentifier
    }

    public func refusal(of password: Password, for identifier: Identifier) -> Refusal? {
        guard password.length >= minimumLength else { return .tooShort(minimum: minimumLength) }
        let text = String(decoding: password.bytes, as: UTF8.self).lowercased()
        if text == identifier.text || text == String(identifier.text.prefix { $0 != "@" }) {
            return .containsIdentifier
        }
        if isRepetition(text) || isMadeOfCommonOnes([UInt8](text.utf8)) { return .common }
        return nil
    }

    /// `aaaa…`, `abcabc…`: one short unit over and over.
    private func isRepetition(_ text: String) -> Bool {
        let bytes = [UInt8](text.utf8)
        return (1...4).contains { unit in bytes.indices.dropFirst(unit).allSatisfy { bytes[$0] == bytes[$0 - unit] } }
    }

    /// A listed password, or several listed ones put together to reach the length.
    private func isMadeOfCommonOnes(_ bytes: [UInt8]) -> Bool {
        var reachable = [Bool](repeating: false, count: bytes.count + 1)
        reachable[0] = true
        for end in bytes.indices.map({ $0 + 1 }) {
            reachable[end] = blockedLengths.contains { length in
                length <= end && reachable[end - length]
                    && blocklist.contains(String(decoding: bytes[(end - length)..<end], as: UTF8.self))
            }
        }
        return reachable[bytes.count]
    }
}
