/// What a client gets for signing in or refreshing. Holds credentials: for the answer alone.
public struct TokenGrant: Sendable {
    public let accessToken: String
    /// Seconds.
    public let accessLifetime: Int64
    public let refreshToken: String
    /// Seconds until the session ends if it is not refreshed.
    public let refreshTimeout: Int64
    /// Seconds until the session ends at all.
    public let authorizationExpiresIn: Int64
    public let session: Session
    /// Whether an earlier request of the same attempt, or a racing one, got the same refresh token.
    package let isReplay: Bool
}

extension TokenGrant: CustomStringConvertible, CustomReflectable {
    /// Without the credentials, wherever it is printed.
    public var description: String { "TokenGrant of session \(session.id)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
