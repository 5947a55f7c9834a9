/// An error on the wire (RFC 9457, `application/problem+json`), with a stable `code` to branch on.
public struct Problem: Codable, Sendable {
    public static let contentType = "application/problem+json"

    public var type: String
    public var title: String
    public var status: Int
    /// For people; may change.
    public var detail: String
    public var code: Code
    /// With `session_ended`: `expired`, `signed_out`, `reused`, `revoked` or `lost`. With `password_refused`:
    /// `too_short`, `common` or `contains_identifier`.
    public var reason: String?

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
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public static let invalidRequest = Self(rawValue: "invalid_request")
        public static let invalidRefreshToken = Self(rawValue: "invalid_refresh_token")
        public static let sessionEnded = Self(rawValue: "session_ended")
        public static let refreshConflict = Self(rawValue: "refresh_conflict")
        public static let sessionDiverged = Self(rawValue: "session_diverged")
        public static let wrongDelivery = Self(rawValue: "wrong_delivery")
        public static let crossSiteRequest = Self(rawValue: "cross_site_request")
        public static let duplicateCookie = Self(rawValue: "duplicate_cookie")
        public static let invalidCredentials = Self(rawValue: "invalid_credentials")
        public static let tooManyRequests = Self(rawValue: "too_many_requests")
        public static let unavailable = Self(rawValue: "unavailable")
        public static let identifierTaken = Self(rawValue: "identifier_taken")
        public static let registrationClosed = Self(rawValue: "registration_closed")
        public static let passwordRefused = Self(rawValue: "password_refused")
        public static let wrongPassword = Self(rawValue: "wrong_password")
        public static let stepUpLocked = Self(rawValue: "step_up_locked")
        public static let insufficientUserAuthentication = Self(rawValue: "insufficient_user_authentication")
        public static let invalidToken = Self(rawValue: "invalid_token")
        public static let insufficientScope = Self(rawValue: "insufficient_scope")
        public static let insufficientRole = Self(rawValue: "insufficient_role")
        public static let backupFailed = Self(rawValue: "backup_failed")
        public static let notFound = Self(rawValue: "not_found")
        public static let methodNotAllowed = Self(rawValue: "method_not_allowed")
        public static let unsupportedMediaType = Self(rawValue: "unsupported_media_type")
        public static let contentTooLarge = Self(rawValue: "content_too_large")
        public static let expectationFailed = Self(rawValue: "expectation_failed")
        public static let misdirectedRequest = Self(rawValue: "misdirected_request")
        public static let headerFieldsTooLarge = Self(rawValue: "header_fields_too_large")
        public static let notImplemented = Self(rawValue: "not_implemented")
        public static let internalError = Self(rawValue: "internal_error")
    }
}
