/// What a client gets for signing in or refreshing. Holds credentials: for the answer alone.
package struct TokenGrant: Sendable {
    package let accessToken: String
    /// Seconds.
    package let accessLifetime: Int64
    package let refreshToken: String
    /// Seconds until the session ends if it is not refreshed.
    package let refreshTimeout: Int64
    /// Seconds until the session ends at all.
    package let authorizationExpiresIn: Int64
    package let session: Session
    /// Whether an earlier request of the same attempt, or a racing one, got the same refresh token.
    package let isReplay: Bool
}

extension TokenGrant: CustomStringConvertible, CustomReflectable {
    /// Without the credentials, wherever it is printed.
    package var description: String { "TokenGrant of session \(session.id)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
