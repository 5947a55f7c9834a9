import PawlJOSE

/// How long things live, in seconds.
public struct Lifetimes: Sendable, Equatable {
    /// An access token. It cannot be revoked everywhere at once, so keep it short (RFC 9700 §2.3).
    public var access: Int64
    /// A session that is not refreshed.
    public var idle: Int64
    /// A session, however often it is refreshed (OWASP ASVS 10.4.8).
    public var absolute: Int64

    /// The longest that an access token may live; guards refuse a token that says it lives longer. Signing keys are kept
    /// and ended sessions remembered for it, because tokens outlive a change of the setting.
    public static let longestAccess = AccessTokenVerifier.longestLifetime

    /// Makes lifetimes, in seconds: 15 minutes, 7 days and 30 days by default.
    public init(access: Int64 = 15 * 60, idle: Int64 = 7 * 86400, absolute: Int64 = 30 * 86400) {
        self.access = access
        self.idle = idle
        self.absolute = absolute
    }
}
