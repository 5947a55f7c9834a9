/// Keeps sessions. Every function is one atomic, durable change: when it returns, the change survives `kill -9` and
/// loss of power; when it throws, whether it happened is not known.
package protocol SessionStore: Sendable {
    /// Turns a session, or finds out why not.
    ///
    /// The row turns if it satisfies every condition of ``Verdict/rotate``, in one statement. Otherwise, and for a turn
    /// with a ``StepUp``, the row (and with a step-up the user) is locked and read, ``RotationPolicy/apply(_:to:of:in:)``
    /// is asked, and its ``Change`` written, in one transaction that is always committed: a verdict is returned, never
    /// thrown, since a throw would roll a revocation back. A store may commit many turns together, but answers none
    /// before its commit.
    /// - Parameter losses: the known losses of writes, oldest first.
    func rotate(
        _ turn: Turn, under policy: RotationPolicy, losses: [Incident]
    ) async throws(StoreError) -> Outcome

    /// How many rows one change may touch so that turns which come meanwhile do not notice.
    var sliceSize: Int { get }

    /// Starts a session, together with `event`, if the user is enabled and still at `userVersion`. Of the user's
    /// sessions that have not ended, this one counted, only `limit` stay: the least recently used beyond them end in the
    /// same change, by ``SessionEnding/init(displacedBy:)``. Sign-ins of one user that come together keep to the limit.
    /// - Parameter reservation: of the sign-in that this completes; its place is given back in the same change.
    func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, limit: Int, releasing reservation: LoginReservation?,
        _ event: Event
    ) async throws(StoreError) -> SessionStartResult

    func session(_ id: SessionID) async throws(StoreError) -> Session?

    /// The sessions of a subject that are live at `now`, newest first: those after `cursor`, at most `limit`.
    func liveSessions(
        of subject: SubjectID, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [Session]

    /// The sessions of a subject that can be ended (``Session/canEnd(at:)``), but for the `kept` that were used last and
    /// for `spared`, which does not count: the least recently used first, at most `limit`. Reads alone, and holds no
    /// turn up.
    func leastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [SessionID]

    /// Ends, of a slice of at most `limit` of the selected sessions after `cursor` in the order of ids, those that can be
    /// ended (``Session/canEnd(at:)``), erasing hash, seal and names, with an event for each. One statement changes all
    /// rows of the slice.
    /// - Returns: the events of those that were ended now, in the order of their ids, and the last id looked at; nil if
    ///   that was the last slice.
    @discardableResult
    func end(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int, _ ending: SessionEnding
    ) async throws(StoreError) -> (ended: [Event], cursor: SessionID?)

    /// Copies roles and scope into a slice of at most `limit` of a subject's sessions that have not ended, after
    /// `cursor` in the order of ids.
    /// - Returns: the last id looked at; nil if that was the last slice.
    func copyRoles(
        _ roles: [String], scope: [String], toSessionsOf subject: SubjectID, after cursor: SessionID?, limit: Int
    ) async throws(StoreError) -> SessionID?

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

/// Whether a session started.
package enum SessionStartResult: Sendable, Equatable {
    /// It did, and these are the events of the sessions that it ended.
    case started(displaced: [Event])
    /// The user is not there any more, is disabled, or has changed. Nothing was written.
    case userChanged
    /// More sessions are above the limit than one slice ends (``SessionStore/sliceSize``). Nothing was written: end them
    /// in slices first.
    case crowded
}
