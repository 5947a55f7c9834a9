/// Keeps sessions. Every function is one atomic, durable change: when it returns, the change survives `kill -9` and
/// loss of power; when it throws, whether it happened is not known.
public protocol SessionStore: Sendable {
    /// Turns a session, or finds out why not.
    ///
    /// The row turns if it satisfies every condition of ``Verdict/rotate``, in one statement. Otherwise it is read
    /// under lock, `policy` is asked, and its effect applied, in one transaction that is always committed: a verdict
    /// is returned, never thrown, since a throw would roll a revocation back. A turn that carries a
    /// ``Turn/StepUp`` also requires that the user is enabled and at the version it names, else it is a conflict;
    /// with a new password it sets that (raising the version) and ends the subject's other sessions. A store may
    /// commit many turns together, but answers none before its commit.
    func rotate(_ turn: Turn, under policy: RotationPolicy) async throws(StoreError) -> Outcome

    /// Starts a session, together with `event`, if the user is enabled and still at `userVersion`.
    /// - Returns: whether it did.
    func insert(_ session: Session, ifUserVersionIs userVersion: Int64, _ event: Event) async throws(StoreError) -> Bool

    func session(_ id: SessionID) async throws(StoreError) -> Session?

    /// The sessions of a subject that are live at `now`, newest first.
    func liveSessions(of subject: SubjectID, at now: UnixTime) async throws(StoreError) -> [Session]

    /// Ends those of the selected sessions that have not ended by now (``Session/canEnd(at:)``), erasing hash, seal and
    /// names, with an event for each.
    /// - Returns: the ids of those that were ended now.
    @discardableResult
    func end(_ selection: SessionSelection, _ ending: PlannedEnding) async throws(StoreError) -> [SessionID]

    /// Ends, of a slice of at most `limit` rows after `cursor` in the order of ids, the sessions that began at `start`
    /// or later and have not ended by now, like ``end(_:_:)``.
    /// - Returns: the ids of those that were ended now, and the last id looked at; nil at the end of the table.
    func endSlice(
        begunSince start: UnixTime, after cursor: SessionID?, limit: Int, _ ending: PlannedEnding
    ) async throws(StoreError) -> (ended: [SessionID], cursor: SessionID?)

    /// Names the device of a live session of `subject`. Returns whether there was one.
    func rename(
        _ id: SessionID, of subject: SubjectID, to device: String, at now: UnixTime
    ) async throws(StoreError) -> Bool

    /// Counts one try at a step-up, before the password is looked at.
    /// - Returns: false, and counts nothing, if `limit` tries have failed already.
    func spendStepUpTry(_ id: SessionID, limit: Int) async throws(StoreError) -> Bool

    /// Takes one such count back: the password could not be looked at.
    func refundStepUpTry(_ id: SessionID) async throws(StoreError)

    /// Deletes, from a slice of at most `limit` rows after `cursor` in the order of ids, the sessions that ended or
    /// expired before `cutoff`.
    /// - Returns: how many of the slice are live at `now`, and the last id looked at; nil at the end of the table.
    func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> (live: Int, cursor: SessionID?)
}

/// Which sessions to end.
public enum SessionSelection: Sendable, Hashable {
    case one(SessionID)
    case all(of: SubjectID)
    case others(of: SubjectID, keeping: SessionID)
}

/// How to end them.
public struct PlannedEnding: Sendable {
    public let reason: EndReason
    public let at: UnixTime
    public let origin: Origin?
    /// Evidence instead of the plain event.
    public let event: Event?

    public init(_ reason: EndReason, at: UnixTime, origin: Origin?, event: Event? = nil) {
        self.reason = reason
        self.at = at
        self.origin = origin
        self.event = event
    }

    package func event(for session: SessionID, of subject: SubjectID) -> Event {
        event
            ?? Event(
                .sessionEnded, at: at, subject: subject, session: session, origin: origin,
                details: ["reason": reason.rawValue])
    }
}

/// The store could not do it, or does not know whether it did. Callers answer 503: nobody is signed out by this.
public struct StoreError: Error, CustomStringConvertible {
    /// For the log: never shown to a client, holds no row's content.
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
