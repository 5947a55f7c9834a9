/// Something that happened to an account or a session: written in the transaction of the change it describes.
/// A plain rotation writes none. Never holds a credential.
public struct Event: Sendable, Equatable {
    /// The stable names, in the database and in logs.
    public enum Kind: String, Sendable, CaseIterable {
        case registered
        case loginFailed = "login_failed"
        case sessionStarted = "session_started"
        case sessionEnded = "session_ended"
        case sessionReused = "session_reused"
        case reuseReported = "reuse_reported"
        case refreshConflict = "refresh_conflict"
        case steppedUp = "stepped_up"
        case stepUpFailed = "step_up_failed"
        case passwordChanged = "password_changed"
        case userDisabled = "user_disabled"
        case userEnabled = "user_enabled"
        case rolesChanged = "roles_changed"
        case databaseDiverged = "database_diverged"
        case recoveryOpened = "recovery_opened"
        case recoveryClosed = "recovery_closed"
        case sessionRecovered = "session_recovered"
        case masterSecretChanged = "master_secret_changed"
    }

    public let kind: Kind
    public let at: UnixTime
    public let subject: SubjectID?
    public let session: SessionID?
    public let origin: Origin?
    public let details: [String: String]

    public init(
        _ kind: Kind, at: UnixTime, subject: SubjectID? = nil, session: SessionID? = nil, origin: Origin? = nil,
        details: [String: String] = [:]
    ) {
        self.kind = kind
        self.at = at
        self.subject = subject
        self.session = session
        self.origin = origin
        self.details = details
    }
}
