import Logging

/// Lost writes of the database (a restored backup, a failover, a bad disk): notices them, and does what an operator says.
package struct DataLoss: Sendable {
    let environment: PawlEnvironment
    let revocations: Revocations
    let known = KnownLosses()

    private var store: any Store { environment.store }
    private var clock: WallClock { environment.clock }

    /// The known losses, oldest first. A clock that jumps ahead does not close any of them.
    var losses: [Incident] {
        let losses = known.losses
        guard !losses.isEmpty else { return [] }
        let jump = known.jump(at: clock.now, uptime: clock.uptime)
        return jump > 0 ? losses.map { $0.delayed(by: jump) } : losses
    }

    /// From when idle times are counted at `now`: a clock that has been set back ends no session.
    func deadlineTime(at now: UnixTime) -> UnixTime { known.deadlineTime(at: now, uptime: clock.uptime) }

    /// Learns what other nodes noticed and what an operator said; call it every second or so.
    package func follow() async throws(StoreError) {
        let record = try await store.dataLossRecord()
        if known.isOlder(record) {
            revocations.forget()  // numbers of events may be given out a second time
            return try await recordHeartbeat()
        }
        try await adopt(record)
    }

    /// Seconds between two heartbeats of all servers together.
    static let pulse: Int64 = 5

    /// Writes a heartbeat if none is as young as it should be, of all servers on the database; call it every second or so.
    package func keepPulse() async throws(StoreError) {
        if let sign = known.heartbeat, clock.now.age(since: sign) < Self.pulse { return }
        try await recordHeartbeat()
    }

    /// Writes a heartbeat, whose age tells what a database has lost.
    package func recordHeartbeat() async throws(StoreError) {
        _ = try await change { _ in [] }
    }

    /// Takes note of a diverged token, unless it belongs to an incident that is known.
    /// - Returns: what its holder is told.
    func met(_ presented: Presentation, on session: Session?) async throws(SessionError) -> SessionError {
        environment.logger.debug(
            "A session is ahead of the database",
            metadata: ["event": "session_diverged", "session": "\(presented.sessionID)"])
        guard let session, !losses.contains(where: { $0.lost.contains(presented.issuedAt) }) else {
            return .sessionDiverged
        }
        _ = try await environment.stored { () async throws(StoreError) in
            try await change { record in
                guard let incident = record.noteDivergence(issuedAt: presented.issuedAt, at: presented.now) else {
                    return []
                }
                return [
                    Event(
                        .databaseDiverged, at: presented.now, subject: session.subject, session: session.id,
                        origin: presented.origin, details: incident.details)
                ]
            }
        }
        return .sessionDiverged
    }

    /// Lets the sessions of an incident go on from the tokens that their clients hold.
    /// - Parameters:
    ///   - number: the newest incident if nil. If there is none, both ends of the lost interval make one.
    ///   - lostFrom: another begin of the lost interval than the one that was found.
    ///   - lostUntil: another end.
    /// - Returns: whether its window is open.
    package func open(
        _ number: Int?, lostFrom: UnixTime?, lostUntil: UnixTime?
    ) async throws(SessionError) -> Bool {
        let now = clock.now
        let record = try await environment.stored { () async throws(StoreError) in
            try await change { record in
                let before = record
                guard record.open(number, lostFrom: lostFrom, lostUntil: lostUntil, at: now), record != before,
                    let incident = record.incident(number)
                else { return [] }
                return [Event(.recoveryOpened, at: now, details: incident.details)]
            }
        }
        return record.incident(number)?.state(at: now).isOpen ?? false
    }

    /// Ends the window of an incident, or the wait for a decision: tokens that come later are lost.
    /// - Returns: whether there is such an incident.
    package func close(_ number: Int?) async throws(SessionError) -> Bool {
        let now = clock.now
        let record = try await environment.stored { () async throws(StoreError) in
            try await change { record in
                let before = record
                record.close(number, at: now)
                guard record != before, let incident = record.incident(number) else { return [] }
                return [Event(.recoveryClosed, at: now, details: incident.details)]
            }
        }
        return record.incident(number) != nil
    }

    /// The incidents, oldest first, and what became of sessions since the newest was met.
    package func status() async throws(SessionError) -> (incidents: [Incident], count: DataLossCount?) {
        try await environment.stored { () async throws(StoreError) in
            let incidents = try await store.dataLossRecord().incidents(at: clock.now)
            guard let newest = incidents.last else { return (incidents, nil) }
            return (incidents, try await store.countDataLoss(since: newest.detectedAt, at: clock.now))
        }
    }

    /// Every change is a sign of life as well, so that it is made with knowledge of the last gap.
    func change(
        _ change: @escaping @Sendable (inout DataLossRecord) -> [Event]
    ) async throws(StoreError) -> DataLossRecord {
        let (now, last) = (clock.now, known.heartbeat)
        let horizon = now - 2 * environment.settings.now.lifetimes.idle
        let record = try await store.updateDataLossRecord { record in
            record.beat(at: now, last: last, horizon: horizon)
            return change(&record)
        }
        try await adopt(record, hasBeaten: true)
        return record
    }

    private func adopt(_ record: DataLossRecord, hasBeaten: Bool = false) async throws(StoreError) {
        let now = clock.now
        let news = known.adopt(record, hasBeaten: hasBeaten, uptime: clock.uptime)
        let states = record.incidents(at: now).map { $0.state(at: now) }
        environment.metrics.setRecoveryState(states.contains(.undecided) ? 1 : states.contains(where: \.isOpen) ? 2 : 0)
        for incident in news.incidents where incident.state(at: now) == .undecided {
            environment.logger.error(
                """
                The database has lost writes (a restored backup, a failover, a bad disk): clients hold newer tokens than \
                it knows. They are told to come again, and nobody is signed out. Look at `pawl recover status`, then \
                decide: `pawl recover open` lets these sessions go on, `pawl recover close` ends them.
                """,
                metadata: ["event": .string(Event.Kind.databaseDiverged.rawValue)].merging(
                    incident.details.mapValues { .string($0) }
                ) { first, _ in first })
        }
        guard !news.windows.isEmpty else { return }
        // What was ended in the lost interval lives again in the database: only what that still knows is dead.
        environment.ended.removeAll()
        try await revocations.load()
    }
}

extension Incident.State {
    fileprivate var isOpen: Bool { if case .open = self { true } else { false } }
}

extension Incident {
    fileprivate var details: [String: String] {
        ["incident": String(number), "lost_from": lost.lowerBound.rfc3339, "lost_until": lost.upperBound.rfc3339]
    }
}
