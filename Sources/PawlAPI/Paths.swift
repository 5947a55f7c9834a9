/// Where things are.
public enum PawlPath {
    /// `POST`: makes a user and signs them in.
    public static let register = "/auth/register"
    /// `POST`: signs a user in.
    public static let login = "/auth/login"
    /// `POST`: a refresh token for new tokens.
    public static let refresh = "/auth/refresh"
    /// `POST`: ends the session.
    public static let logout = "/auth/logout"
    /// `POST`: ends the user's other sessions.
    public static let logoutOthers = "/auth/logout/others"
    /// `POST`: ends all sessions of the user.
    public static let logoutAll = "/auth/logout/all"
    /// `GET`: the caller's session.
    public static let session = "/auth/session"
    /// `GET`: the caller's sessions. Below it, `PATCH` and `DELETE` of one by its id.
    public static let sessions = "/auth/sessions"
    /// `POST`: a fresh proof of identity.
    public static let reauthenticate = "/auth/reauthenticate"
    /// `PUT`: changes the password.
    public static let password = "/auth/password"
    /// RFC 8414 §3.
    public static let metadata = "/.well-known/oauth-authorization-server"
    /// `GET`: the public keys of access tokens (RFC 7517 §5).
    public static let keys = "/.well-known/jwks.json"

    /// Pages, and what scripts of other origins may load.
    public static let account = "/account"
    /// The page to sign in.
    public static let signInPage = "/account/sign-in"
    /// The page to create an account.
    public static let registerPage = "/account/register"
    /// The page to change the password.
    public static let passwordPage = "/account/password"
    /// Leads to `passwordPage`: where password managers send people (W3C, A Well-Known URL for Changing Passwords).
    public static let changePassword = "/.well-known/change-password"
    /// Below it, the files of the account pages.
    public static let accountFiles = "/account/assets"
    /// The browser client, an ES module.
    public static let browserClient = "/pawl.js"
    /// Its types for TypeScript.
    public static let browserClientTypes = "/pawl.d.ts"

    /// On the operations listener.
    public static let health = "/healthz"
    /// `GET`, on the operations listener: whether the server can serve.
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
    /// The id of the request, for the log.
    public static let requestID = "X-Request-Id"
}
