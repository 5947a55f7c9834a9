/// What all nodes share about lost writes: one row, changed by pure functions inside the store's transaction.
///
/// A database cannot tell what it has lost. But it remembers when a server last left a sign of life in it, and a server
/// that meets an older sign than it expects knows that the writes in between may be gone.
package struct DataLossRecord: Sendable, Equatable, Codable {
    /// The last sign of life of any server.
    package private(set) var heartbeat: UnixTime?
    /// Spans between a heartbeat that survived and the server that found it. Most are plain restarts.
    package private(set) var gaps: [ClosedRange<UnixTime>] = []
    /// Oldest first.
    package private(set) var incidents: [Incident] = []
    /// How far housekeeping has followed the clock, never ahead of it. A deadline that it has not reached deletes nothing.
    package private(set) var housekeepingTime: UnixTime?
    /// From when idle times are counted, if it is later than the clock: follows the clock, but slowly where that jumps.
    package private(set) var deadlineTime: UnixTime?

    static let gapLimit = 16
    static let incidentLimit = 16
    /// A write may be on its way for so long, in seconds, and be lost although it began before the heartbeat; and two
    /// nodes' clocks differ.
    static let margin: Int64 = 5
    /// Seconds that a clock may be set, or the clock of another database may differ, without anything being said.
    static let clockStep: Int64 = 60
    /// Seconds that a loss may reach to both sides of the token that shows it, where no heartbeat is missing.
    static let hiddenLoss: Int64 = 120

    package init() {}

    /// Leaves a sign of life.
    /// - Parameters:
    ///   - last: the newest sign that this server knows of; nil when it starts.
    ///   - horizon: no token from before it can come to anything: such losses are forgotten.
    package mutating func beat(at now: UnixTime, last: UnixTime?, horizon: UnixTime) {
        noteGap(at: now, last: last)
        housekeepingTime = min(housekeepingTime ?? now, now)
        gaps.removeAll { $0.upperBound < horizon }
        let jump = jump(at: now)
        incidents.removeAll { $0.lost.upperBound < horizon && $0.delayed(by: jump).state(at: now) == .closed }
        // Of two nodes the one whose clock is ahead; but a clock that was wrong by more is not believed for ever.
        if let heartbeat, heartbeat > now, heartbeat <= now + Self.margin { return }
        heartbeat = now
    }

    /// How much faster than time passes what is deleted, and what is kept, follows a clock that has jumped: a week takes a
    /// day. Until then somebody can set a wrong clock right, and nothing is lost.
    static let catchUp: Int64 = 8

    /// Follows the clock.
    /// - Parameter elapsed: seconds that have passed since the last call, by a clock that nobody can set.
    package mutating func keepHouse(at now: UnixTime, elapsed: Int64) {
        let step = Self.catchUp * max(0, elapsed)
        housekeepingTime = min(now, (housekeepingTime ?? now) + step)
        let reached = deadlineTime ?? now
        deadlineTime = now > reached ? min(now, reached + step) : max(now, reached + max(0, elapsed) - step)
    }

    private func jump(at now: UnixTime) -> Int64 { Self.jump(from: housekeepingTime, to: now) }

    /// By how much the clock has jumped ahead and is not followed yet, in seconds. Less than an hour is no jump.
    static func jump(from reached: UnixTime?, to now: UnixTime) -> Int64 {
        let lag = reached.map { now.age(since: $0) } ?? 0
        return lag >= 3600 ? lag : 0
    }

    private func state(of incident: Incident, at now: UnixTime) -> Incident.State {
        incident.delayed(by: jump(at: now)).state(at: now)
    }

    private mutating func noteGap(at now: UnixTime, last: UnixTime?) {
        guard let heartbeat, last.map({ heartbeat < $0 }) ?? true else { return }
        // A heartbeat from further in the future was written under a wrong clock: no gap reaches that far.
        gaps.append(min(heartbeat, now) - Self.margin...min(max(heartbeat, now), now + Self.clockStep))
        // Many quick restarts must not push out the long one, which is the one that matters.
        if gaps.count > Self.gapLimit, let shortest = gaps.indices.min(by: { length(gaps[$0]) < length(gaps[$1]) }) {
            gaps.remove(at: shortest)
        }
    }

    private func length(_ span: ClosedRange<UnixTime>) -> Int64 { span.upperBound.age(since: span.lowerBound) }

    /// Takes note of a diverged token; to be called after `beat`, since a database may go back under a running server.
    ///
    /// How much is missing follows from heartbeats alone: a gap, or else four minutes around the token. A holder of a
    /// leaked master secret writes there what they like.
    /// - Returns: the incident, if it is a new one.
    package mutating func noteDivergence(issuedAt: UnixTime, at now: UnixTime) -> Incident? {
        guard !incidents.contains(where: { $0.lost.contains(issuedAt) }) else { return nil }
        // Nothing is lost that comes after this.
        func cut(_ span: ClosedRange<UnixTime>) -> ClosedRange<UnixTime> {
            span.lowerBound...max(issuedAt, min(span.upperBound, now))
        }
        if let gap = gaps.last(where: { $0.contains(issuedAt) }) { return add(lost: cut(gap), at: now) }
        // No sign of life is missing, so the loss lies between two of them. One such incident waits at a time: forged
        // tokens of many times must not cover a long one.
        guard !incidents.contains(where: { state(of: $0, at: now) == .undecided }) else { return nil }
        return add(lost: cut(issuedAt - Self.hiddenLoss...issuedAt + Self.hiddenLoss), at: now)
    }

    private mutating func add(lost: ClosedRange<UnixTime>, at now: UnixTime) -> Incident {
        let incident = Incident(number: (incidents.last?.number ?? 0) + 1, detectedAt: now, lost: lost)
        incidents.append(incident)
        if incidents.count > Self.incidentLimit { incidents.removeFirst() }
        return incident
    }

    /// Lets an incident's sessions go on. One that nobody has met yet can be opened ahead, by its lost interval.
    /// - Parameter number: the newest if nil.
    /// - Returns: whether there is one.
    package mutating func open(
        _ number: Int?, lostFrom: UnixTime?, lostUntil: UnixTime?, at now: UnixTime
    ) -> Bool {
        if number == nil, incidents.isEmpty, let lostFrom, let lostUntil, lostFrom <= lostUntil {
            _ = add(lost: lostFrom...lostUntil, at: now)
        }
        guard let index = index(of: number) else { return false }
        let known = incidents[index].lost
        let (from, until) = (lostFrom ?? known.lowerBound, lostUntil ?? known.upperBound)
        guard from <= until else { return false }
        incidents[index].lost = from...until
        // An open window stays the one that it is: a session is recovered once in it.
        if case .open = state(of: incidents[index], at: now) { return true }
        incidents[index].openedAt = now
        incidents[index].closedAt = nil
        return true
    }

    /// Ends the window of an incident, or the wait for it.
    /// - Parameter number: the newest if nil.
    package mutating func close(_ number: Int?, at now: UnixTime) {
        guard let index = index(of: number), state(of: incidents[index], at: now) != .closed else { return }
        incidents[index].closedAt = now
    }

    /// - Parameter number: the newest if nil.
    package func incident(_ number: Int?) -> Incident? { index(of: number).map { incidents[$0] } }

    /// All incidents, as a clock sees them that may have jumped.
    package func incidents(at now: UnixTime) -> [Incident] {
        let jump = jump(at: now)
        return incidents.map { $0.delayed(by: jump) }
    }

    private func index(of number: Int?) -> Int? {
        guard let number else { return incidents.indices.last }
        return incidents.firstIndex { $0.number == number }
    }
}
