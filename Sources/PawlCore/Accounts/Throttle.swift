/// One counter's row.
package struct ThrottleCounter: Sendable, Equatable {
    package var failures: Int64
    /// When the last failure was; for a row without failures, when the row was made.
    package var lastUse: UnixTime
    /// Tries whose result is not known yet.
    package var underWay: Int64
    /// When the first of them began.
    package var underWaySince: UnixTime

    package init(
        failures: Int64 = 0, lastUse: UnixTime, underWay: Int64 = 0, underWaySince: UnixTime = UnixTime(seconds: 0)
    ) {
        self.failures = failures
        self.lastUse = lastUse
        self.underWay = underWay
        self.underWaySince = underWaySince
    }
}

package typealias ThrottleCounters = [ThrottleScope: ThrottleCounter]

/// Whether a try may go on.
package enum LoginAdmission: Sendable, Equatable {
    case granted
    /// Too many failures: seconds to wait before the next try.
    case wait(Int64)
    /// Nothing failed too often, but the tries under way could: ask again when one of them is over.
    case busy
}

/// The rule of throttling. A network's pace follows from its own failures alone; failures elsewhere only make the delays
/// longer that its own further failures bring. So networks do not compete for a turn, and a stranger elsewhere cannot
/// lock anyone out.
///
/// A success forgives nothing, time does: otherwise a stranger in the same network would learn from their own delay that
/// the user has just signed in.
public struct LoginThrottle: Sendable, Equatable {
    /// How many failed sign-ins, over all identifiers, one site may bring in an hour, and how many registrations; 0 to
    /// 3,600, and 0 is no bound.
    public let networkFailures: Int64

    /// Makes the rule.
    /// - Parameter networkFailures: failed sign-ins, and registrations, that a network may bring in an hour; 0 for no bound.
    public init(networkFailures: Int64 = 100) {
        self.networkFailures = min(3600, max(0, networkFailures))
    }

    /// From so many failures of one identifier on, its networks' delays are those of an attack.
    static let attack: Int64 = 50
    /// Seconds after its last use that a row is deleted: nothing of it counts by then.
    package static let memory: Int64 = 2 * 86400
    /// Seconds after which tries under way are given up: their process has died.
    static let lease: Int64 = 10
    /// A row further in the future than this, in seconds, is not of another machine's clock but of one that has been
    /// set back: waiting for its time could take a day.
    private static let clockDifference: Int64 = 300

    /// How failures under one key delay the next try, and how they are forgotten. Times in seconds.
    private struct Pace {
        /// Failures without a delay, and how many tries may be under way as long as nothing has failed.
        var free = Int64.max
        /// The delay after the free failures and one more; doubles with each further one.
        var shortest: Int64 = 0
        var longest: Int64 = 0
        /// One failure is forgotten each time that so long passes without another.
        var forgetting: Int64
        /// More failures than these are not counted.
        var most: Int64

        func delay(after failures: Int64) -> Int64 {
            failures < free ? 0 : min(longest, shortest << min(failures - free, 20))
        }
    }

    private func pace(of scope: ThrottleScope, isAttacked: Bool = false) -> Pace {
        switch scope {
        case .pair where isAttacked: Pace(free: 1, shortest: 1, longest: 900, forgetting: 3600, most: 24)
        case .pair: Pace(free: 5, shortest: 1, longest: 60, forgetting: 3600, most: 24)
        case .identifier: Pace(forgetting: 1800, most: 72)
        case .network, .registrations:
            networkFailures == 0 ? Pace(forgetting: 1, most: 0) : site(every: 3600 / networkFailures)
        }
    }

    private func site(every interval: Int64) -> Pace {
        Pace(
            free: networkFailures, shortest: interval, longest: interval, forgetting: interval, most: networkFailures)
    }

    /// Whether a row says nothing any more.
    package static func isForgotten(_ counter: ThrottleCounter, at now: UnixTime) -> Bool {
        now.age(since: counter.lastUse) > memory
    }

    /// Takes a place for a try under each key, or changes nothing and says why not.
    ///
    /// As many tries may be under way as could all fail without a delay, and one after that: so tries at once never get
    /// further than the same tries one after another.
    package func reserve(_ counters: inout ThrottleCounters, at now: UnixTime) -> LoginAdmission {
        let failures = counters[.identifier].map { current($0, .identifier, at: now).failures } ?? 0
        var wait: Int64 = 0
        var isBusy = false
        var taken = counters
        for (scope, row) in counters {
            let pace = pace(of: scope, isAttacked: failures >= Self.attack)
            let counter = current(row, scope, at: now)
            wait = max(wait, pace.delay(after: counter.failures) - now.age(since: counter.lastUse))
            if counter.underWay > 0, counter.failures + counter.underWay >= pace.free { isBusy = true }
            switch scope {
            case .pair, .network:
                if counter.underWay == 0 { taken[scope]?.underWaySince = now }
                taken[scope]?.underWay = counter.underWay + 1
            case .identifier: break
            case .registrations: taken[scope] = failed(row, scope, at: now)  // each counts, whatever becomes of it
            }
        }
        guard wait <= 0 else { return .wait(wait) }
        guard !isBusy else { return .busy }
        counters = taken
        return .granted
    }

    /// Gives the places of a try back, and counts it if it failed.
    package func settle(_ counters: inout ThrottleCounters, _ result: LoginResult, at now: UnixTime) {
        for (scope, row) in counters {
            var settled = row
            switch result {
            case .failed: settled = scope == .registrations ? row : failed(row, scope, at: now)
            case .released: if scope == .registrations { settled.failures = max(0, row.failures - 1) }
            }
            settled.underWay = max(0, current(row, scope, at: now).underWay - 1)
            counters[scope] = settled
        }
    }

    private func failed(_ row: ThrottleCounter, _ scope: ThrottleScope, at now: UnixTime) -> ThrottleCounter {
        var counter = row
        counter.failures = min(pace(of: scope).most, current(row, scope, at: now).failures + 1)
        counter.lastUse = now
        return counter
    }

    /// What a row says at `now`. Never written back: what has been forgotten is counted from the last failure.
    private func current(_ row: ThrottleCounter, _ scope: ThrottleScope, at now: UnixTime) -> ThrottleCounter {
        var counter = row
        let forgotten = now.age(since: row.lastUse) / pace(of: scope).forgetting
        counter.failures = row.lastUse > now + Self.clockDifference ? 0 : max(0, row.failures - forgotten)
        if now.age(since: row.underWaySince) > Self.lease || row.underWaySince > now + Self.clockDifference {
            counter.underWay = 0
        }
        return counter
    }
}
