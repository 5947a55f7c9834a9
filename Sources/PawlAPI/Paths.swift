/// Where things are.
public enum PawlPath {
    public static let register = "/auth/register"
    public static let login = "/auth/login"
    public static let refresh = "/auth/refresh"
    public static let logout = "/auth/logout"
    public static let logoutOthers = "/auth/logout/others"
    public static let logoutAll = "/auth/logout/all"
    public static let session = "/auth/session"
    public static let sessions = "/auth/sessions"
    public static let reauthenticate = "/auth/reauthenticate"
    public static let password = "/auth/password"
    /// RFC 8414 §3.
    public static let metadata = "/.well-known/oauth-authorization-server"
    public static let keys = "/.well-known/jwks.json"

    /// Pages, and what scripts of other origins may load.
    public static let account = "/account"
    public static let signInPage = "/account/sign-in"
    public static let registerPage = "/account/register"
    public static let passwordPage = "/account/password"
    /// Leads to `passwordPage`: where password managers send people (W3C, A Well-Known URL for Changing Passwords).
    public static let changePassword = "/.well-known/change-password"
    public static let accountFiles = "/account/assets"
    public static let browserClient = "/pawl.js"
    public static let browserClientTypes = "/pawl.d.ts"

    /// On the operations listener.
    public static let health = "/healthz"
    public static let readiness = "/readyz"
    /// Prometheus' text format.
    public static let metrics = "/metrics"
    package static let adminUsers = "/admin/users"
    package static let adminSessions = "/admin/sessions"
    package static let adminKeys = "/admin/keys"
    package static let adminRecovery = "/admin/recovery"
    package static let adminEvents = "/admin/events"
    package static let adminStatus = "/admin/status"
    package static let adminDoctor = "/admin/doctor"
    package static let adminBackup = "/admin/backup"
}

/// Header fields that are not in everybody's vocabulary.
public enum PawlHeader {
    /// Names an attempt to rotate: 16 to 255 visible ASCII characters. A retry repeats the name.
    public static let attempt = "Idempotency-Key"
    public static let requestID = "X-Request-Id"
}
