import Logging

/// Deletes what is over, in slices, on one server at a time.
package struct Housekeeping: Sendable {
    let environment: PawlEnvironment
    let dataLoss: DataLoss
    private let pace: HousekeepingPace

    private var store: any Store { environment.store }
    private var clock: WallClock { environment.clock }

    init(_ environment: PawlEnvironment, dataLoss: DataLoss) {
        self.environment = environment
        self.dataLoss = dataLoss
        pace = HousekeepingPace(since: environment.clock.uptime)
    }

    /// How long, in seconds, rows outlive their deadline: after lost writes they are what sessions are matched with.
    static let grace: Int64 = 7 * 86400
    static let slice = 500

    /// Tidies one slice of each table, on one node at a time.
    /// - Parameters:
    ///   - round: a new one begins if none is under way.
    ///   - eventRetention: seconds that events are kept.
    /// - Returns: whether a round ended.
    @discardableResult
    package func tidy(_ round: inout HousekeepingRound, eventRetention: Int64) async throws(StoreError) -> Bool {
        let (now, limit) = (clock.now, Self.slice)
        guard try await store.takeHousekeepingLease(at: now) else {
            round = HousekeepingRound()
            _ = pace.elapsed(until: clock.uptime)  // the node that keeps house counts this time
            return false
        }
        if !round.isUnderWay {
            round = HousekeepingRound()
            round.isUnderWay = true
            round.time = try await time(at: now)
        }
        if case .goesOn(let key) = round.throttles {
            round.throttles = .init(
                after: try await store.deleteThrottles(forgottenAt: round.time, after: key, limit: limit))
        }
        if round.hasOldEvents {
            round.hasOldEvents = try await store.deleteEvents(before: round.time - eventRetention, limit: limit)
        }
        if case .goesOn(let cursor) = round.sessions {
            let slice = try await store.deleteSessions(
                endedBefore: round.time - Self.grace, after: cursor, limit: limit, at: now)
            round.sessions = .init(after: slice.cursor)
            round.live += slice.live
        }
        guard round.sessions.isOver, round.throttles.isOver, !round.hasOldEvents else { return false }
        round.isUnderWay = false
        environment.metrics.setHousekeepingEnd(now, activeSessions: round.live)
        return true
    }

    /// The time that rows are deleted by. It is the clock's, unless that has jumped: a wrong clock must not delete what
    /// nobody can bring back.
    private func time(at now: UnixTime) async throws(StoreError) -> UnixTime {
        let elapsed = pace.elapsed(until: clock.uptime)
        let record = try await dataLoss.change { record in
            record.keepHouse(at: now, elapsed: elapsed)
            return []
        }
        let time = min(record.housekeepingTime ?? now, now)
        let lag = now.age(since: time)
        if pace.hasChanged(isBehind: lag > Self.tellingLag) {
            if lag > Self.tellingLag {
                environment.logger.warning(
                    """
                    The clock has gone ahead by more than the time that has passed. Rows are deleted later, so that \
                    nothing is lost if it is wrong: look at the clock
                    """,
                    metadata: ["event": "clock_jumped", "clock": "\(now.rfc3339)", "deleting_by": "\(time.rfc3339)"])
            } else {
                environment.logger.notice(
                    "Rows are deleted by the clock's time again", metadata: ["event": "clock_followed"])
            }
        }
        return time
    }

    /// Seconds of lag behind the clock above which a warning is logged.
    static let tellingLag: Int64 = 86400
}
