/// Why an access token was refused. The description names the rule, never the token.
public struct AccessTokenError: Error, Hashable, CustomStringConvertible {
    private enum Code: String {
        case malformed = "it is not a compact JWS with the expected members"
        case wrongType = "its typ is not at+jwt"
        case algorithmNotAllowed = "its alg is not the one of its key"
        case unknownKey = "its kid names no known key"
        case badSignature = "its signature is wrong"
        case expired = "it has expired"
        case notYetValid = "it is dated in the future"
        case lifetimeNotAllowed = "it lives longer than a token may"
        case wrongIssuer = "another issuer made it"
        case wrongAudience = "it is meant for another audience"
        case sessionEnded = "its session has ended"
        case keysUnavailable = "the issuer's keys are not available at the moment"
        case unavailable = "it cannot be checked at the moment"
    }

    private let code: Code

    /// Not a JWT of this profile.
    public static let malformed = Self(code: .malformed)
    /// The header's `typ` is another than `at+jwt`.
    public static let wrongType = Self(code: .wrongType)
    /// Signed by an algorithm that is not accepted.
    public static let algorithmNotAllowed = Self(code: .algorithmNotAllowed)
    /// Signed by a key that the server does not publish.
    public static let unknownKey = Self(code: .unknownKey)
    /// The signature does not fit.
    public static let badSignature = Self(code: .badSignature)
    /// The token is over.
    public static let expired = Self(code: .expired)
    /// The token is not valid yet.
    public static let notYetValid = Self(code: .notYetValid)
    /// From `iat` to `exp` it is no time at all, or more than ``AccessTokenVerifier/longestLifetime``.
    public static let lifetimeNotAllowed = Self(code: .lifetimeNotAllowed)
    /// Another server made the token.
    public static let wrongIssuer = Self(code: .wrongIssuer)
    /// The token is for somebody else.
    public static let wrongAudience = Self(code: .wrongAudience)
    /// The token's session has ended.
    public static let sessionEnded = Self(code: .sessionEnded)
    /// The issuer's keys cannot be read, so nothing is known about the token. Answer 503: it is not the caller's fault.
    public static let keysUnavailable = Self(code: .keysUnavailable)
    /// The token's session cannot be looked up. Answer 503: it is not the caller's fault.
    public static let unavailable = Self(code: .unavailable)

    /// Whether nothing is known about the token, so that the answer is 503 instead of 401.
    package var isTemporary: Bool { code == .keysUnavailable || code == .unavailable }

    /// For the log.
    public var description: String { "The access token was refused: \(code.rawValue)." }
}

/// Checks access tokens: with the keys in this process, or with the issuer's published keys.
public protocol AccessTokenChecker: Sendable {
    /// The claims of a token that is good now.
    func validate(_ token: String) async throws(AccessTokenError) -> AccessTokenClaims
}
