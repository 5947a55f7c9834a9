import Synchronization

/// The seams in memory: for tests, and for reading what a store has to do. Nothing survives the process.
public final class MemoryStore: Store {
    package struct Tables: Sendable {
        var sessions: [SessionID: Session] = [:]
        var users: [SubjectID: User] = [:]
        var keys: [SealedSigningKey] = []
        var events: [RecordedEvent] = []
        var lastEventID: Int64 = 0
        var throttle: [[UInt8]: ThrottleCounter] = [:]
        var recovery = DataLossRecord()

        mutating func record(_ event: Event) {
            if let key = event.coalescingKey, let index = events.lastIndex(where: { $0.event.coalescingKey == key }) {
                events[index] = RecordedEvent(id: events[index].id, event: events[index].event.counted)
            } else {
                lastEventID += 1
                events.append(RecordedEvent(id: lastEventID, event: event))
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

    let tables = Mutex(Tables())

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
}
