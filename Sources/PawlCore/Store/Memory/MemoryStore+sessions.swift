import Synchronization

extension MemoryStore {
    package var sliceSize: Int { 16 }

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
}
