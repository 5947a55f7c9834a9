import Synchronization

/// The seams in memory: for tests, and for reading what a store has to do. Nothing survives the process.
public final class MemoryStore: Store {
    package struct Tables: Sendable {
        var sessions: [SessionID: Session] = [:]
        var users: [SubjectID: User] = [:]
        var keys: [SealedSigningKey] = []
        var events: [Event] = []
        /// So that the numbers of the others stay.
        var deletedEvents: Int64 = 0
        var throttle: [[UInt8]: ThrottleCounter] = [:]
        var recovery = DataLossRecord()

        mutating func record(_ event: Event) {
            if let key = event.coalescingKey, let index = events.lastIndex(where: { $0.coalescingKey == key }) {
                events[index] = events[index].counted
            } else {
                events.append(event)
            }
        }

        /// Lets a rule change the counters of one try.
        mutating func throttle<Value>(
            _ keys: ThrottleKeys, at now: UnixTime, _ rule: (inout ThrottleCounters) -> Value
        ) -> Value {
            var counters = keys.keys.mapValues { throttle[$0] ?? ThrottleCounter(lastUse: now) }
            let before = counters
            let value = rule(&counters)
            for (scope, key) in keys.keys where counters[scope] != before[scope] { throttle[key] = counters[scope] }
            return value
        }

        /// In the order of their ids.
        func slice(
            after cursor: SessionID?, limit: Int, where isSelected: (Session) -> Bool = { _ in true }
        ) -> [Session] {
            let left = sessions.values.filter { session in
                isSelected(session) && cursor.map { $0 < session.id } ?? true
            }
            return Array(left.sorted { $0.id < $1.id }.prefix(limit))
        }

        mutating func end(
            _ selection: SessionSelection, after cursor: SessionID? = nil, limit: Int = .max, _ ending: SessionEnding
        ) -> (ended: [Event], cursor: SessionID?) {
            let slice = slice(after: cursor, limit: limit) { session in
                switch selection {
                case .one(let id): session.id == id
                case .these(let ids): ids.contains(session.id)
                case .all(let subject): session.subject == subject && session.ending == nil
                case .others(let subject, let kept):
                    session.subject == subject && session.ending == nil && session.id != kept
                case .begun(let start): session.createdAt >= start
                }
            }
            let ended = slice.filter { $0.canEnd(at: ending.at) }.map { session in
                sessions[session.id] = session.ended(at: ending.at, reason: ending.reason)
                return ending.event(for: session.id, of: session.subject)
            }
            for event in ended { record(event) }
            return (ended, slice.count == limit ? slice.last?.id : nil)
        }

        func leastRecentlyUsed(
            of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime
        ) -> [SessionID] {
            let all = sessions.values.filter { $0.subject == subject && $0.id != spared && $0.canEnd(at: now) }
            return all.sorted { ($0.chain.rotatedAt, $0.id) < ($1.chain.rotatedAt, $1.id) }
                .prefix(min(limit, max(0, all.count - kept))).map(\.id)
        }

        mutating func write(_ change: Change) -> Outcome {
            if change.changesSession, let session = change.session { sessions[session.id] = session }
            if let user = change.user { users[user.id] = user }
            for event in change.events { record(event) }
            var events = change.events
            if let ending = change.endingOfOthers, let session = change.session {
                events += end(.others(of: session.subject, keeping: session.id), ending).ended
            }
            return Outcome(change.verdict, change.session, events: events)
        }
    }

    private let tables = Mutex(Tables())

    /// Makes an empty store.
    public init() {}

    /// What Pawl does with it.
    public var access: StoreAccess { StoreAccess(self) }

    /// All rows, so that a test can put back what was: a backup.
    package var rows: Tables {
        get { tables.withLock { $0 } }
        set { tables.withLock { $0 = newValue } }
    }

    package func ping() {}
    /// Does nothing.
    public func close() {}

    // MARK: SessionStore

    package let sliceSize = 16

    package func rotate(_ turn: Turn, under policy: RotationPolicy, losses: [Incident]) -> Outcome {
        tables.withLock { tables in
            let session = tables.sessions[turn.presentation.sessionID]
            let user = session.flatMap { tables.users[$0.subject] }
            return tables.write(policy.apply(turn, to: session, of: user, in: .init(losses: losses)))
        }
    }

    package func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, limit: Int, releasing reservation: LoginReservation?,
        _ event: Event
    ) -> SessionStartResult {
        tables.withLock { tables in
            guard let user = tables.users[session.subject], !user.isDisabled, user.version == userVersion else {
                return .userChanged
            }
            let displaced = tables.leastRecentlyUsed(
                of: user.id, beyond: limit - 1, sparing: nil, limit: .max, at: session.createdAt)
            guard displaced.count <= sliceSize else { return .crowded }
            let ended = tables.end(.these(displaced), SessionEnding(displacedBy: session)).ended
            tables.sessions[session.id] = session
            tables.record(event)
            if let reservation {
                tables.throttle(reservation.keys, at: session.createdAt) {
                    reservation.throttle.settle(&$0, .released, at: session.createdAt)
                }
            }
            return .started(displaced: ended)
        }
    }

    package func session(_ id: SessionID) -> Session? { tables.withLock { $0.sessions[id] } }

    package func liveSessions(
        of subject: SubjectID, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) -> [Session] {
        tables.withLock { tables in
            let live = tables.sessions.values.filter { session in
                session.subject == subject && session.isLive(at: now) && cursor.map { session.id < $0 } ?? true
            }
            return Array(live.sorted { $0.id > $1.id }.prefix(limit))
        }
    }

    package func leastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime
    ) -> [SessionID] {
        tables.withLock { $0.leastRecentlyUsed(of: subject, beyond: kept, sparing: spared, limit: limit, at: now) }
    }

    package func end(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int, _ ending: SessionEnding
    ) -> (ended: [Event], cursor: SessionID?) {
        tables.withLock { $0.end(selection, after: cursor, limit: limit, ending) }
    }

    package func copyRoles(
        _ roles: [String], scope: [String], toSessionsOf subject: SubjectID, after cursor: SessionID?, limit: Int
    ) -> SessionID? {
        tables.withLock { tables in
            let slice = tables.slice(after: cursor, limit: limit) { $0.subject == subject && $0.ending == nil }
            for session in slice {
                tables.sessions[session.id]?.roles = roles
                tables.sessions[session.id]?.scope = scope
            }
            return slice.count == limit ? slice.last?.id : nil
        }
    }

    package func rename(_ id: SessionID, of subject: SubjectID, to device: String, at now: UnixTime) -> Bool {
        tables.withLock { tables in
            guard let session = tables.sessions[id], session.subject == subject, session.isLive(at: now) else {
                return false
            }
            tables.sessions[id]?.device = device
            return true
        }
    }

    package func spendStepUpTry(_ id: SessionID, limit: Int) -> Bool {
        tables.withLock { tables in
            guard let session = tables.sessions[id], session.stepUpFailures < limit else { return false }
            tables.sessions[id]?.stepUpFailures += 1
            return true
        }
    }

    package func refundStepUpTry(_ id: SessionID) {
        tables.withLock { tables in
            guard let failures = tables.sessions[id]?.stepUpFailures, failures > 0 else { return }
            tables.sessions[id]?.stepUpFailures = failures - 1
        }
    }

    package func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) -> (live: Int, cursor: SessionID?) {
        tables.withLock { tables in
            let slice = tables.slice(after: cursor, limit: limit)
            for session in slice where session.isOver(before: cutoff) { tables.sessions[session.id] = nil }
            return (slice.count { $0.isLive(at: now) }, slice.last?.id)
        }
    }

    // MARK: AccountStore

    package func user(identifier: Identifier) -> User? {
        tables.withLock { tables in
            tables.users.values.first { $0.identifier.spelling == identifier.spelling }
                ?? tables.users.values.first { $0.identifier.text == identifier.text }
        }
    }

    package func user(_ id: SubjectID) -> User? { tables.withLock { $0.users[id] } }

    package func users(after identifier: Identifier?, limit: Int) -> [User] {
        tables.withLock { tables in
            let all = tables.users.values.sorted { Identifier.areInOrder($0.identifier, $1.identifier) }
            return Array(
                all.filter { user in identifier.map { Identifier.areInOrder($0, user.identifier) } ?? true }
                    .prefix(limit))
        }
    }

    package func addUser(_ user: User, _ event: Event) -> Bool {
        tables.withLock { tables in
            let new = user.identifier
            guard
                !tables.users.values.contains(where: {
                    $0.identifier.spelling == new.spelling || $0.identifier.text == new.text
                })
            else { return false }
            tables.users[user.id] = user
            tables.record(event)
            return true
        }
    }

    package func resealPassword(of id: SubjectID, from old: SealedPassword, to new: SealedPassword) {
        tables.withLock { tables in
            if tables.users[id]?.password == old { tables.users[id]?.password = new }
        }
    }

    package func update(_ id: SubjectID, _ change: UserChange) -> (user: User, events: [Event])? {
        tables.withLock { tables in
            guard let user = tables.users[id] else { return nil }
            guard let (changed, events) = change.applied(to: user) else { return (user, []) }
            tables.users[id] = changed
            for event in events { tables.record(event) }
            let ended =
                change.endsSessions
                ? tables.end(.all(of: id), SessionEnding(.revoked, at: change.at, origin: nil)).ended : []
            for session in tables.sessions.values where session.subject == id && session.ending == nil {
                tables.sessions[session.id]?.roles = changed.roles
                tables.sessions[session.id]?.scope = changed.scope
            }
            return (changed, events + ended)
        }
    }

    package func reserveLogin(_ keys: ThrottleKeys, under throttle: LoginThrottle, at now: UnixTime) -> LoginAdmission {
        tables.withLock { tables in
            tables.throttle(keys, at: now) { throttle.reserve(&$0, at: now) }
        }
    }

    package func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime
    ) {
        tables.withLock { tables in
            tables.throttle(keys, at: now) { throttle.settle(&$0, result, at: now) }
            if case .failed(let event) = result { tables.record(event) }
        }
    }

    package func deleteThrottles(forgottenAt now: UnixTime, after cursor: [UInt8]?, limit: Int) -> [UInt8]? {
        tables.withLock { tables in
            let keys = tables.throttle.keys.filter { key in cursor?.lexicographicallyPrecedes(key) ?? true }
            let slice = keys.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit)
            for key in slice {
                if let counter = tables.throttle[key], LoginThrottle.isForgotten(counter, at: now) {
                    tables.throttle[key] = nil
                }
            }
            return slice.count == limit ? slice.last : nil
        }
    }

    // MARK: KeyStore, EventStore

    package func signingKeys() -> [SealedSigningKey] { tables.withLock { $0.keys } }
    package func addSigningKey(_ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event) -> Bool {
        tables.withLock { tables in
            guard Set(tables.keys.map(\.id)) == known else { return false }
            tables.keys.append(key)
            tables.record(event)
            return true
        }
    }
    package func resealSigningKey(_ key: SealedSigningKey) {
        tables.withLock { tables in
            if let index = tables.keys.firstIndex(where: { $0.id == key.id }) { tables.keys[index] = key }
        }
    }
    package func deleteSigningKey(_ id: String, _ event: Event) {
        tables.withLock { tables in
            guard let index = tables.keys.firstIndex(where: { $0.id == id }) else { return }
            tables.keys.remove(at: index)
            tables.record(event)
        }
    }

    package func append(_ event: Event) { tables.withLock { $0.record(event) } }

    package func events(since start: UnixTime, kinds: Set<Event.Kind>, limit: Int) -> [Event] {
        tables.withLock { Array($0.events.filter { $0.at >= start && kinds.contains($0.kind) }.suffix(limit)) }
    }

    package func events(after id: Int64, limit: Int) -> [RecordedEvent] {
        tables.withLock { tables in
            tables.events.enumerated().map { RecordedEvent(id: Int64($0) + 1 + tables.deletedEvents, event: $1) }
                .filter { $0.id > id }.prefix(limit).map { $0 }
        }
    }

    package func latestEvents(limit: Int) -> [RecordedEvent] {
        let count = tables.withLock { Int64($0.events.count) + $0.deletedEvents }
        return events(after: max(0, count - Int64(limit)), limit: limit)
    }

    package func deleteEvents(before cutoff: UnixTime, limit: Int) -> Bool {
        tables.withLock { tables in
            let old = tables.events.prefix(limit).prefix { $0.at < cutoff }.count
            tables.events.removeFirst(old)
            tables.deletedEvents += Int64(old)
            return old == limit
        }
    }

    // MARK: DataLossStore

    package func dataLossRecord() -> DataLossRecord { tables.withLock { $0.recovery } }

    package func updateDataLossRecord(_ change: @Sendable (inout DataLossRecord) -> [Event]) -> DataLossRecord {
        tables.withLock { tables in
            for event in change(&tables.recovery) { tables.record(event) }
            return tables.recovery
        }
    }

    package func countDataLoss(since start: UnixTime, at now: UnixTime) -> DataLossCount {
        tables.withLock { tables in
            let sessions = tables.sessions.values
            func isRecovered(_ session: Session) -> Bool { session.chain.recoveredAt.map { $0 >= start } ?? false }
            return DataLossCount(
                recovered: sessions.count(where: isRecovered),
                lost: sessions.count { session in
                    session.ending.map { $0.reason == .lost && $0.at >= start } ?? false
                },
                silent: sessions.count { $0.canEnd(at: now) && $0.chain.rotatedAt <= start && !isRecovered($0) })
        }
    }

    // MARK: MaintenanceStore

    package func takeHousekeepingLease(at now: UnixTime) -> Bool { true }

    package func tryStatements() {}

    package func status() -> DatabaseStatus {
        tables.withLock { tables in
            DatabaseStatus(
                kind: "memory", version: "1", path: nil, bytes: 0, journalBytes: 0, isDurable: false, migrations: [],
                sessions: tables.sessions.count, users: tables.users.count,
                newestTime: (tables.sessions.values.map(\.chain.rotatedAt) + tables.events.suffix(1).map(\.at)).max())
        }
    }

    package func findDamage() -> [String] { [] }

    package func oldIdentifiers() -> [OldIdentifier] {
        tables.withLock { tables in
            var old = OldIdentifiers()
            for user in tables.users.values {
                old.look(
                    at: .init(
                        id: user.id.bytes, createdAt: user.createdAt, spelling: user.identifier.spelling,
                        key: user.identifier.text))
            }
            return old.plan { key in tables.users.values.contains { $0.identifier.text == key } }.old
        }
    }

    package func passwordSeals() -> [UInt8: Int] {
        tables.withLock { tables in
            tables.users.values.compactMap(\.password.bytes.first).reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    package func countLiveSessions(turnedIn span: Range<UnixTime>, at now: UnixTime) -> Int {
        tables.withLock { $0.sessions.values.count { $0.isLive(at: now) && span.contains($0.chain.rotatedAt) } }
    }

    package func backup(
        to path: String, progress: @Sendable (BackupProgress) async -> Void
    ) async throws(BackupError) -> BackupSummary {
        throw BackupError("What is in memory alone cannot be backed up.")
    }
}
