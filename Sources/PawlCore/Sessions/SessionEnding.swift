/// Why, when and from where sessions are ended.
package struct SessionEnding: Sendable {
    package let reason: EndReason
    package let at: UnixTime
    package let origin: Origin?
    /// Evidence instead of the plain event.
    package let event: Event?
    /// What the plain event says in `by`, where it is neither the user nor an operator.
    package let cause: String?

    package init(_ reason: EndReason, at: UnixTime, origin: Origin?, event: Event? = nil) {
        self.init(reason, at: at, origin: origin, event: event, cause: nil)
    }

    private init(_ reason: EndReason, at: UnixTime, origin: Origin?, event: Event?, cause: String?) {
        self.reason = reason
        self.at = at
        self.origin = origin
        self.event = event
        self.cause = cause
    }

    /// For the least recently used sessions of a user whose newest one is above the limit.
    package init(displacedBy session: Session) { self.init(displacedAt: session.createdAt, by: session.origin) }

    /// - Parameter origin: of the sign-in that was above the limit.
    package init(displacedAt at: UnixTime, by origin: Origin) {
        self.init(.revoked, at: at, origin: origin, event: nil, cause: "session_limit")
    }

    package func event(for session: SessionID, of subject: SubjectID) -> Event {
        if let event { return event }
        var details = ["reason": reason.rawValue]
        details["by"] = cause
        return Event(
            .sessionEnded, at: at, subject: subject, session: session, origin: origin, details: details)
    }
}
