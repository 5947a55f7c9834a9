/// An error on the wire (RFC 9457, `application/problem+json`), with a stable `code` to branch on.
public struct Problem: Codable, Sendable {
    /// The media type of errors (RFC 9457).
    public static let contentType = "application/problem+json"

    /// Always `about:blank`: the code says which problem it is.
    public var type: String
    /// The meaning of the status code.
    public var title: String
    /// The status code.
    public var status: Int
    /// For people; may change.
    public var detail: String
    /// The error, for programs.
    public var code: Code
    /// With `session_ended`: `expired`, `signed_out`, `reused`, `revoked` or `lost`. With `password_refused`:
    /// `too_short`, `common` or `contains_identifier`.
    public var reason: String?

    /// Makes a problem.
    public init(title: String, status: Int, detail: String, code: Code, reason: String? = nil) {
        type = "about:blank"
        self.title = title
        self.status = status
        self.detail = detail
        self.code = code
        self.reason = reason
    }

    /// Open: a client meets codes that it does not know.
    public struct Code: RawRepresentable, Hashable, Codable, Sendable {
        /// The word on the wire.
        public let rawValue: String

        /// Makes a code, known or not: later servers may send more.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// 400: the request is not as this route wants it.
        public static let invalidRequest = Self(rawValue: "invalid_request")
        /// 401: the refresh token is not one of this server's.
        public static let invalidRefreshToken = Self(rawValue: "invalid_refresh_token")
        /// 401: the session is over; `reason` says why.
        public static let sessionEnded = Self(rawValue: "session_ended")
        /// 409: another request has just used this refresh token. Read the stored token again, then repeat.
        public static let refreshConflict = Self(rawValue: "refresh_conflict")
        /// 503: the database has lost recent changes. The user is still signed in; try again later.
        public static let sessionDiverged = Self(rawValue: "session_diverged")
        /// 400: the refresh token came in the cookie and belongs in the body, or the other way round.
        public static let wrongDelivery = Self(rawValue: "wrong_delivery")
        /// 403: the page that sent the request may not use this server.
        public static let crossSiteRequest = Self(rawValue: "cross_site_request")
        /// 400: more than one refresh cookie came.
        public static let duplicateCookie = Self(rawValue: "duplicate_cookie")
        /// 401: no such user, or another password.
        public static let invalidCredentials = Self(rawValue: "invalid_credentials")
        /// 429: too many tries. `Retry-After` says when the next may come.
        public static let tooManyRequests = Self(rawValue: "too_many_requests")
        /// 503: the server or its database cannot answer now.
        public static let unavailable = Self(rawValue: "unavailable")
        /// 409: another user has this identifier.
        public static let identifierTaken = Self(rawValue: "identifier_taken")
        /// 403: this server lets nobody register.
        public static let registrationClosed = Self(rawValue: "registration_closed")
        /// 400: the new password is too easy to guess; `reason` says why.
        public static let passwordRefused = Self(rawValue: "password_refused")
        /// 403: the password that was to prove the user's identity is wrong.
        public static let wrongPassword = Self(rawValue: "wrong_password")
        /// 403: too many wrong passwords in this session.
        public static let stepUpLocked = Self(rawValue: "step_up_locked")
        /// 401: a fresh proof of identity is needed (RFC 9470).
        public static let insufficientUserAuthentication = Self(rawValue: "insufficient_user_authentication")
        /// 401: the access token is refused (RFC 6750 §3.1).
        public static let invalidToken = Self(rawValue: "invalid_token")
        /// 403: the access token lacks a scope (RFC 6750 §3.1).
        public static let insufficientScope = Self(rawValue: "insufficient_scope")
        /// 403: the user lacks a role.
        public static let insufficientRole = Self(rawValue: "insufficient_role")
        /// 409: the backup was not made; the detail says why.
        public static let backupFailed = Self(rawValue: "backup_failed")
        /// 404: no such resource.
        public static let notFound = Self(rawValue: "not_found")
        /// 405: `Allow` names the methods of this resource.
        public static let methodNotAllowed = Self(rawValue: "method_not_allowed")
        /// 415: send JSON in UTF-8, without a `Content-Encoding`.
        public static let unsupportedMediaType = Self(rawValue: "unsupported_media_type")
        /// 413: the body is too large.
        public static let contentTooLarge = Self(rawValue: "content_too_large")
        /// 417: the server does not meet this `Expect`.
        public static let expectationFailed = Self(rawValue: "expectation_failed")
        /// 421: the listener does not answer under this host name.
        public static let misdirectedRequest = Self(rawValue: "misdirected_request")
        /// 431: the header fields are too large.
        public static let headerFieldsTooLarge = Self(rawValue: "header_fields_too_large")
        /// 501: no such method.
        public static let notImplemented = Self(rawValue: "not_implemented")
        /// 500: a fault of the server; its log says more.
        public static let internalError = Self(rawValue: "internal_error")
    }
}
