package import PawlCore
import Synchronization

/// A store that counts what is asked of it, and lets a test step in between: to change something at the one moment
/// that makes a race.
package final class ObservedStore: Store {
    /// The seams' functions, by what they do.
    package enum Call: String, Sendable, CaseIterable {
        case rotate, startSession, session, liveSessions, leastRecentlyUsed, end, copyRoles, rename, spendStepUpTry,
            refundStepUpTry, deleteSessions
        case userByIdentifier, user, users, addUser, resealPassword, update, reserveLogin, settleLogin, deleteThrottles
        case signingKeys, addSigningKey, resealSigningKey, deleteSigningKey, append, events, eventsAfter, latestEvents,
            endings, masterSecretChanges, deleteEvents, dataLossRecord, updateDataLossRecord, countDataLoss, ping
        case takeHousekeepingLease, tryStatements, status, findDamage, oldIdentifiers, passwordSeals, countLiveSessions,
            backup
    }

    private struct State {
        var calls: [Call] = []
        var interludes: [Call: @Sendable () async -> Void] = [:]
        var failing: Set<Call> = []
    }

    package let base: any Store
    private let state = Mutex(State())

    package init(_ base: any Store = MemoryStore()) {
        self.base = base
    }

    package var access: StoreAccess { StoreAccess(self) }
    package var clock: WallClock { base.clock }

    package var sliceSize: Int { base.sliceSize }

    /// All calls so far, in order.
    package var calls: [Call] { state.withLock { $0.calls } }

    package func forgetCalls() { state.withLock { $0.calls = [] } }

    /// Runs `interlude` once, just before the next `call`.
    package func before(_ call: Call, _ interlude: @escaping @Sendable () async -> Void) {
        state.withLock { $0.interludes[call] = interlude }
    }

    /// From now on these calls throw, and change nothing.
    package func fail(_ calls: Set<Call>) { state.withLock { $0.failing = calls } }

    private func note(_ call: Call) async throws(StoreError) {
        let (interlude, fails) = state.withLock { state in
            state.calls.append(call)
            return (state.interludes.removeValue(forKey: call), state.failing.contains(call))
        }
        await interlude?()
        if fails { throw StoreError("The test wants it to fail.") }
    }

    package func rotate(
        _ turn: Turn, under policy: RotationPolicy, losses: [Incident]
    ) async throws(StoreError) -> Outcome {
        try await note(.rotate)
        return try await base.rotate(turn, under: policy, losses: losses)
    }

    package func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, limit: Int, releasing reservation: LoginReservation?,
        _ event: Event
    ) async throws(StoreError) -> SessionStartResult {
        try await note(.startSession)
        return try await base.startSession(
            session, ifUserVersionIs: userVersion, limit: limit, releasing: reservation, event)
    }

    package func session(_ id: SessionID) async throws(StoreError) -> Session? {
        try await note(.session)
        return try await base.session(id)
    }

    package func liveSessions(
        of subject: SubjectID, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [Session] {
        try await note(.liveSessions)
        return try await base.liveSessions(of: subject, after: cursor, limit: limit, at: now)
    }

    package func leastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [SessionID] {
        try await note(.leastRecentlyUsed)
        return try await base.leastRecentlyUsed(of: subject, beyond: kept, sparing: spared, limit: limit, at: now)
    }

    package func end(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int, _ ending: SessionEnding
    ) async throws(StoreError) -> (ended: [Event], cursor: SessionID?) {
        try await note(.end)
        return try await base.end(selection, after: cursor, limit: limit, ending)
    }

    package func copyRoles(
        _ roles: [String], scope: [String], toSessionsOf subject: SubjectID, after cursor: SessionID?, limit: Int
    ) async throws(StoreError) -> SessionID? {
        try await note(.copyRoles)
        return try await base.copyRoles(roles, scope: scope, toSessionsOf: subject, after: cursor, limit: limit)
    }

    package func rename(
        _ id: SessionID, of subject: SubjectID, to device: String, at now: UnixTime
    ) async throws(StoreError) -> Bool {
        try await note(.rename)
        return try await base.rename(id, of: subject, to: device, at: now)
    }

    package func spendStepUpTry(_ id: SessionID, limit: Int) async throws(StoreError) -> Bool {
        try await note(.spendStepUpTry)
        return try await base.spendStepUpTry(id, limit: limit)
    }

    package func refundStepUpTry(_ id: SessionID) async throws(StoreError) {
        try await note(.refundStepUpTry)
        try await base.refundStepUpTry(id)
    }

    package func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> (live: Int, cursor: SessionID?) {
        try await note(.deleteSessions)
        return try await base.deleteSessions(endedBefore: cutoff, after: cursor, limit: limit, at: now)
    }

    package func user(identifier: Identifier) async throws(StoreError) -> User? {
        try await note(.userByIdentifier)
        return try await base.user(identifier: identifier)
    }

    package func user(_ id: SubjectID) async throws(StoreError) -> User? {
        try await note(.user)
        return try await base.user(id)
    }

    package func users(after identifier: Identifier?, limit: Int) async throws(StoreError) -> [User] {
        try await note(.users)
        return try await base.users(after: identifier, limit: limit)
    }

    package func addUser(_ user: User, _ event: Event) async throws(StoreError) -> Bool {
        try await note(.addUser)
        return try await base.addUser(user, event)
    }

    package func resealPassword(of id: SubjectID, from old: SealedPassword, to new: SealedPassword)
        async throws(StoreError)
    {
        try await note(.resealPassword)
        try await base.resealPassword(of: id, from: old, to: new)
    }

    package func update(
        _ id: SubjectID, _ change: UserChange
    ) async throws(StoreError) -> (user: User, events: [Event])? {
        try await note(.update)
        return try await base.update(id, change)
    }

    package func reserveLogin(
        _ keys: ThrottleKeys, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) -> LoginAdmission {
        try await note(.reserveLogin)
        return try await base.reserveLogin(keys, under: throttle, at: now)
    }

    package func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) {
        try await note(.settleLogin)
        try await base.settleLogin(keys, result, under: throttle, at: now)
    }

    package func deleteThrottles(
        forgottenAt now: UnixTime, after cursor: [UInt8]?, limit: Int
    ) async throws(StoreError) -> [UInt8]? {
        try await note(.deleteThrottles)
        return try await base.deleteThrottles(forgottenAt: now, after: cursor, limit: limit)
    }

    package func signingKeys() async throws(StoreError) -> [SealedSigningKey] {
        try await note(.signingKeys)
        return try await base.signingKeys()
    }

    package func addSigningKey(
        _ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event
    ) async throws(StoreError) -> Bool {
        try await note(.addSigningKey)
        return try await base.addSigningKey(key, ifKeysAre: known, event)
    }

    package func resealSigningKey(_ key: SealedSigningKey) async throws(StoreError) {
        try await note(.resealSigningKey)
        try await base.resealSigningKey(key)
    }

    package func deleteSigningKey(_ id: String, _ event: Event) async throws(StoreError) {
        try await note(.deleteSigningKey)
        try await base.deleteSigningKey(id, event)
    }

    package func append(_ event: Event) async throws(StoreError) {
        try await note(.append)
        try await base.append(event)
    }

    package func events(
        since start: UnixTime, kinds: Set<Event.Kind>, limit: Int
    ) async throws(StoreError) -> [Event] {
        try await note(.events)
        return try await base.events(since: start, kinds: kinds, limit: limit)
    }

    package func events(after id: Int64, limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await note(.eventsAfter)
        return try await base.events(after: id, limit: limit)
    }

    package func latestEvents(limit: Int) async throws(StoreError) -> [RecordedEvent] {
        try await note(.latestEvents)
        return try await base.latestEvents(limit: limit)
    }

    package func endings(
        after id: Int64, limit: Int, unless isKnown: @escaping @Sendable (Int64) -> Bool
    ) async throws(StoreError) -> Endings {
        try await note(.endings)
        return try await base.endings(after: id, limit: limit, unless: isKnown)
    }

    package func masterSecretChanges(limit: Int) async throws(StoreError) -> [Event] {
        try await note(.masterSecretChanges)
        return try await base.masterSecretChanges(limit: limit)
    }

    package func deleteEvents(before cutoff: UnixTime, limit: Int) async throws(StoreError) -> Bool {
        try await note(.deleteEvents)
        return try await base.deleteEvents(before: cutoff, limit: limit)
    }

    package func dataLossRecord() async throws(StoreError) -> DataLossRecord {
        try await note(.dataLossRecord)
        return try await base.dataLossRecord()
    }

    package func updateDataLossRecord(
        _ change: @escaping @Sendable (inout DataLossRecord) -> [Event]
    ) async throws(StoreError) -> DataLossRecord {
        try await note(.updateDataLossRecord)
        return try await base.updateDataLossRecord(change)
    }

    package func countDataLoss(since start: UnixTime, at now: UnixTime) async throws(StoreError) -> DataLossCount {
        try await note(.countDataLoss)
        return try await base.countDataLoss(since: start, at: now)
    }

    package func ping() async throws(StoreError) {
        try await note(.ping)
        try await base.ping()
    }

    package func takeHousekeepingLease(at now: UnixTime) async throws(StoreError) -> Bool {
        try await note(.takeHousekeepingLease)
        return try await base.takeHousekeepingLease(at: now)
    }

    package func breakOffReading() { base.breakOffReading() }
    package func refuseWaiting() { base.refuseWaiting() }

    package func settleUnknownOutcomes(at now: UnixTime) async { await base.settleUnknownOutcomes(at: now) }

    package func tryStatements() async throws(StoreError) {
        try await note(.tryStatements)
        try await base.tryStatements()
    }

    package func close() async throws { try await base.close() }

    package func status() async throws(StoreError) -> DatabaseStatus {
        try await note(.status)
        return try await base.status()
    }

    package func findDamage() async throws(StoreError) -> [String] {
        try await note(.findDamage)
        return try await base.findDamage()
    }

    package func oldIdentifiers() async throws(StoreError) -> [OldIdentifier] {
        try await note(.oldIdentifiers)
        return try await base.oldIdentifiers()
    }

    package func passwordSeals() async throws(StoreError) -> [UInt8: Int] {
        try await note(.passwordSeals)
        return try await base.passwordSeals()
    }

    package func countLiveSessions(turnedIn span: Range<UnixTime>, at now: UnixTime) async throws(StoreError) -> Int {
        try await note(.countLiveSessions)
        return try await base.countLiveSessions(turnedIn: span, at: now)
    }

    package func backup(
        to path: String, progress: @Sendable (BackupProgress) async -> Void
    ) async throws(BackupError) -> BackupSummary {
        do {
            try await note(.backup)
        } catch {
            throw BackupError(error.description)
        }
        return try await base.backup(to: path, progress: progress)
    }
}
