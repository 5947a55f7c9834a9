/// Something that happened to an account or a session: written in the transaction of the change it describes.
/// A plain rotation writes none. Never holds a credential.
package struct Event: Sendable, Equatable {
    /// The stable names, in the database and in logs.
    package enum Kind: String, Sendable, CaseIterable {
        case registered
        case loginFailed = "login_failed"
        case sessionStarted = "session_started"
        case sessionEnded = "session_ended"
        case sessionReused = "session_reused"
        case reuseReported = "reuse_reported"
        case refreshConflict = "refresh_conflict"
        case wrongDelivery = "wrong_delivery"
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
        case keyCreated = "key_created"
        case keyRetired = "key_retired"
    }

    package let kind: Kind
    package let at: UnixTime
    package let subject: SubjectID?
    package let session: SessionID?
    package let origin: Origin?
    package private(set) var details: [String: String]

    package init(
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

extension Event {
    /// Why the session ended, if this event records its end.
    package var endReason: EndReason? {
        switch kind {
        case .sessionEnded: EndReason(rawValue: details["reason"] ?? "") ?? .revoked
        case .sessionReused: .reused
        default: nil
        }
    }
}

/// What strangers can cause as often as they like is one event for each account or session and minute, with its count:
/// a flood of requests must not become a flood of rows (P10).
extension Event {
    /// The detail that says how often it happened, if more than once.
    package static let count = "count"

    /// Events with the same key are one event with a count; nil if this event stands for itself.
    package var coalescingKey: String? {
        switch kind {
        case .loginFailed, .stepUpFailed, .refreshConflict, .reuseReported, .wrongDelivery: break
        case .registered, .sessionStarted, .sessionEnded, .sessionReused, .steppedUp, .passwordChanged, .userDisabled,
            .userEnabled, .rolesChanged, .databaseDiverged, .recoveryOpened, .recoveryClosed, .sessionRecovered,
            .masterSecretChanged, .keyCreated, .keyRetired:
            return nil
        }
        // An identifier that nobody has is no account: there are as many as anybody likes to type.
        let network = origin.map { IPNetwork(of: $0.address)?.description ?? $0.address } ?? ""
        let about = session?.description ?? subject?.description ?? network
        return "\(kind.rawValue) \(at.seconds / 60) \(about)"
    }

    /// This event once more.
    package var counted: Event {
        var event = self
        event.details[Self.count] = String((details[Self.count].flatMap { Int64($0) } ?? 1) + 1)
        return event
    }
}
