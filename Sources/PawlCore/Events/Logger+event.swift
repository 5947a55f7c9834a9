import Logging

extension Logger {
    /// A line for an event, after its commit, under the event's stable name. Never what was typed at a failed sign-in.
    func log(_ event: Event) {
        let level: Logger.Level =
            switch event.kind {
            case .sessionStarted, .steppedUp: .info
            case .loginFailed, .stepUpFailed, .refreshConflict, .sessionReused, .reuseReported, .wrongDelivery:
                .warning
            case .registered, .sessionEnded, .passwordChanged, .userDisabled, .userEnabled, .rolesChanged,
                .databaseDiverged, .recoveryOpened, .recoveryClosed, .sessionRecovered, .masterSecretChanged,
                .keyCreated, .keyRetired:
                .notice
            }
        var metadata: Logger.Metadata = ["event": "\(event.kind.rawValue)"]
        metadata["subject"] = event.subject.map { "\($0)" }
        metadata["session"] = event.session.map { "\($0)" }
        metadata["address"] = event.origin.map { "\($0.address)" }
        metadata["key"] = event.details["key"].map { "\($0)" }
        metadata["reason"] = event.details["reason"].map { "\($0)" }
        log(level: level, "Recorded an event", metadata: metadata)
    }
}
