package import Crypto

/// One of the 32-byte secrets that everything else is derived from. It lives outside the database.
package struct MasterSecret: Sendable {
    /// What a key is for: its label in HKDF-SHA256 (RFC 5869). The whole table; nothing else is derived.
    package enum Purpose: String, CaseIterable {
        case keyID = "pawl/v1/key-id"
        case refreshTag = "pawl/v1/refresh-tag"
        case signingKey = "pawl/v1/signing-key"
        case password = "pawl/v1/password"
        case operations = "pawl/v1/operations"
        case operationsBody = "pawl/v1/operations-body"
        case operationsAnswer = "pawl/v1/operations-answer"
        case throttle = "pawl/v1/throttle"
    }

    package static let length = 32

    /// Which secret made a token or a seal: the first byte of the key derived for that.
    package let id: UInt8
    /// Whether it is known to have leaked. It still lets a current token rotate, which its hash protects, but nobody
    /// can end a session with a token that it alone vouches for.
    package let isDistrusted: Bool

    package let refreshTagKey: SymmetricKey
    /// The same, set up once and copied for each tag: setting up costs several times what a tag does.
    let refreshTag: HMAC<SHA256>
    package let signingKeyKey: SymmetricKey
    package let passwordKey: SymmetricKey
    package let operationsKey: SymmetricKey
    package let operationsBodyKey: SymmetricKey
    package let operationsAnswerKey: SymmetricKey
    package let throttleKey: SymmetricKey

    /// - Returns: nil unless `secret` has 32 bytes.
    package init?(_ secret: Secret, isDistrusted: Bool = false) {
        guard secret.exposed.count == Self.length else { return nil }
        let material = SymmetricKey(data: secret.exposed)
        func key(_ purpose: Purpose) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: material, info: [UInt8](purpose.rawValue.utf8), outputByteCount: 32)
        }
        id = key(.keyID).bytes[0]
        refreshTagKey = key(.refreshTag)
        refreshTag = HMAC(key: refreshTagKey)
        signingKeyKey = key(.signingKey)
        passwordKey = key(.password)
        operationsKey = key(.operations)
        operationsBodyKey = key(.operationsBody)
        operationsAnswerKey = key(.operationsAnswer)
        throttleKey = key(.throttle)
        self.isDistrusted = isDistrusted
    }
}

/// The master secrets in force, newest first: the first makes new tokens and seals, the others still open old ones.
public struct MasterSecrets: Sendable {
    private let newestFirst: [MasterSecret]

    /// - Throws: ``MasterSecretError`` if there is none, or if two share a key id (then one must be replaced).
    package init(newestFirst secrets: [MasterSecret]) throws(MasterSecretError) {
        guard !secrets.isEmpty else { throw .none }
        guard Set(secrets.map(\.id)).count == secrets.count else { throw .sameKeyID }
        guard !secrets[0].isDistrusted else { throw .newestDistrusted }
        newestFirst = secrets
    }

    /// Reads a list of base64 secrets, newest first, separated by commas or white space; `!` before one marks it as
    /// distrusted.
    /// - Throws: ``MasterSecretError`` that says which one is wrong, by its place, not its text.
    public init(parsing text: String) throws(MasterSecretError) {
        var secrets: [MasterSecret] = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let isDistrusted = part.hasPrefix("!")
            guard let bytes = decodeBase64(isDistrusted ? part.dropFirst() : part),
                let secret = MasterSecret(Secret(bytes), isDistrusted: isDistrusted)
            else { throw .malformed(place: secrets.count + 1) }
            secrets.append(secret)
        }
        try self.init(newestFirst: secrets)
    }

    /// The key ids, newest first, in hex; with `!` those that are distrusted. For people to compare.
    package var keyIDs: [String] { newestFirst.map { ($0.isDistrusted ? "!" : "") + Hex.encode([$0.id]) } }

    package var newest: MasterSecret { newestFirst[0] }
    package var all: [MasterSecret] { newestFirst }
    var trusted: [MasterSecret] { newestFirst.filter { !$0.isDistrusted } }

    package subscript(id: UInt8) -> MasterSecret? { newestFirst.first { $0.id == id } }
}

/// What is wrong with the configured master secrets.
public struct MasterSecretError: Error, CustomStringConvertible, Equatable {
    /// What is wrong with the secrets, and what to do. Holds nothing of them.
    public let description: String

    static let none = Self(description: "There is no master secret.")
    static let sameKeyID = Self(
        description: "Two master secrets have the same key id. Replace one of them by a freshly made one.")
    static let newestDistrusted = Self(
        description: "The newest master secret is marked as distrusted. Put a fresh one before it.")
    static func malformed(place: Int) -> Self {
        Self(description: "Master secret \(place) is not 32 bytes in base64. Make one with: openssl rand -base64 32")
    }
}

extension SymmetricKey {
    fileprivate var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }
}
