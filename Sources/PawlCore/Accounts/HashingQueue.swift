import Synchronization

/// Whose a hash is: they wait in turn.
struct HashingShare: Sendable {
    /// The /24 of IPv4 or the /48 of IPv6 that the request came from.
    let site: String
    /// Who of that site: an identifier, or a user.
    let person: String

    init(_ origin: Origin?, _ person: String) {
        site = origin.map { IPNetwork(siteOf: $0.address)?.description ?? $0.address } ?? ""
        self.person = person
    }
}

/// Lets passwords into the hasher by turns: among the sites that wait, and in each site among its people. So a flood from
/// one network, of right passwords too, makes everybody else wait for one hash of it, not for all (P10).
///
/// If too many passwords wait, the network or person with the most of them loses the one that came last. So nobody can
/// fill the queue for others.
final class HashingQueue: Sendable {
    /// How many may wait in all, and of one site.
    static let capacity = 1024
    static let siteCapacity = 32
    /// Seconds after which a waiter is turned away, as soon as a hash is done. Sooner than a try's place is given up (``LoginThrottle``), and than clients do.
    static let patience: Int64 = 8

    private struct Waiter {
        /// Told whether its turn has come.
        let turn: CheckedContinuation<Bool, Never>
        let arrival: ContinuousClock.Instant
    }

    /// The people of a site, in the order of their turns.
    private struct Site {
        var turns: [String] = []
        var waiters: [String: [Waiter]] = [:]
        var count = 0

        mutating func add(_ waiter: Waiter, of person: String) {
            if waiters[person] == nil { turns.append(person) }
            waiters[person, default: []].append(waiter)
            count += 1
        }

        mutating func next() -> Waiter? {
            guard !turns.isEmpty else { return nil }
            let person = turns.removeFirst()
            let waiter = waiters[person]?.removeFirst()
            if waiters[person]?.isEmpty == false { turns.append(person) } else { waiters[person] = nil }
            count -= 1
            return waiter
        }

        /// Removes the waiter that came last, of the one with the most waiters, if those are more than `count`.
        mutating func displace(moreThan count: Int) -> Waiter? {
            guard let (person, most) = waiters.max(by: { $0.value.count < $1.value.count }), most.count > count else {
                return nil
            }
            self.count -= 1
            if most.count == 1 {
                waiters[person] = nil
                turns.removeAll { $0 == person }
                return most[0]
            }
            return waiters[person]?.removeLast()
        }

        /// Removes those who came before `start`.
        mutating func removeWaiters(from start: ContinuousClock.Instant) -> [Waiter] {
            var late: [Waiter] = []
            for (person, waiting) in waiters {
                let old = waiting.prefix { $0.arrival < start }
                if old.isEmpty { continue }
                late += old
                waiters[person] = old.count < waiting.count ? Array(waiting[old.endIndex...]) : nil
            }
            guard !late.isEmpty else { return [] }
            count -= late.count
            turns.removeAll { waiters[$0] == nil }
            return late
        }
    }

    private struct State {
        var underWay = 0
        var waiting = 0
        var turns: [String] = []
        var sites: [String: Site] = [:]
        var isClosed = false

        /// Makes room for a newcomer.
        /// - Returns: whether there is room, and who has to give way for that.
        mutating func makeRoom(for share: HashingShare) -> (hasRoom: Bool, displaced: Waiter?) {
            if isClosed { return (false, nil) }
            let site = sites[share.site]
            if site?.count ?? 0 >= HashingQueue.siteCapacity {
                let own = site?.waiters[share.person]?.count ?? 0
                return displaced(from: share.site, moreThan: own + 1)
            }
            guard waiting >= HashingQueue.capacity else { return (true, nil) }
            guard let fullest = sites.max(by: { $0.value.count < $1.value.count }),
                fullest.value.count > (site?.count ?? 0) + 1
            else { return (false, nil) }
            return displaced(from: fullest.key, moreThan: 0)
        }

        private mutating func displaced(from site: String, moreThan count: Int) -> (Bool, Waiter?) {
            guard let waiter = sites[site]?.displace(moreThan: count) else { return (false, nil) }
            waiting -= 1
            if sites[site]?.count == 0 {
                sites[site] = nil
                turns.removeAll { $0 == site }
            }
            return (true, waiter)
        }

        mutating func add(_ waiter: Waiter, of share: HashingShare) {
            if sites[share.site] == nil { turns.append(share.site) }
            sites[share.site, default: Site()].add(waiter, of: share.person)
            waiting += 1
        }

        /// Removes those who came before `start`, wherever they wait.
        mutating func removeWaiters(from start: ContinuousClock.Instant) -> [Waiter] {
            var late: [Waiter] = []
            for name in turns { late += sites[name]?.removeWaiters(from: start) ?? [] }
            guard !late.isEmpty else { return [] }
            waiting -= late.count
            sites = sites.filter { $0.value.count > 0 }
            turns.removeAll { sites[$0] == nil }
            return late
        }

        mutating func next() -> Waiter? {
            guard !turns.isEmpty else { return nil }
            let site = turns.removeFirst()
            let waiter = sites[site]?.next()
            if sites[site]?.count ?? 0 > 0 { turns.append(site) } else { sites[site] = nil }
            waiting -= 1
            return waiter
        }
    }

    private let state = Mutex(State())
    /// How many the hasher works on at once.
    private let width: Int
    private let metrics: PawlMetrics
    /// Not the wall clock, which can be set.
    private let now: @Sendable () -> ContinuousClock.Instant

    init(width: Int, metrics: PawlMetrics, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.now = now
        self.width = max(1, width)
        self.metrics = metrics
    }

    /// How many wait or are under way.
    var length: Int { state.withLock { $0.underWay + $0.waiting } }

    /// Whether the next password of this person would be turned away.
    func isFull(for share: HashingShare) -> Bool {
        state.withLock { state in
            var tried = state
            return !tried.makeRoom(for: share).hasRoom
        }
    }

    /// Turns away all that wait, and all that come from now on: the server is about to stop.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            var waiters: [Waiter] = []
            while let waiter = state.next() { waiters.append(waiter) }
            return waiters
        }
        for waiter in waiters { waiter.turn.resume(returning: false) }
    }

    /// Runs `work` when its turn has come.
    /// - Throws: ``SessionError/busy(retryAfter:)`` if too many wait, or it has waited for too long; what `work` throws.
    func run<Value>(
        for share: HashingShare, _ work: () async throws(SessionError) -> Value
    ) async throws(SessionError) -> Value {
        let arrival = now()
        guard await enter(share, at: arrival) else { throw .busy(retryAfter: 1) }
        metrics.recordPassword(waited: now() - arrival)
        defer {
            leave(at: now())
            metrics.recordPassword(took: now() - arrival)
        }
        return try await work()
    }

    private func enter(_ share: HashingShare, at arrival: ContinuousClock.Instant) async -> Bool {
        await withCheckedContinuation { turn in
            let (answer, displaced, length) = state.withLock { state -> (Bool?, Waiter?, Int) in
                if !state.isClosed, state.underWay < width, state.waiting == 0 {
                    state.underWay += 1
                    return (true, nil, state.underWay)
                }
                let (hasRoom, displaced) = state.makeRoom(for: share)
                if hasRoom { state.add(Waiter(turn: turn, arrival: arrival), of: share) }
                return (hasRoom ? nil : false, displaced, state.underWay + state.waiting)
            }
            metrics.setPasswordQueue(length)
            displaced?.turn.resume(returning: false)
            if let answer { turn.resume(returning: answer) }
        }
    }

    private func leave(at now: ContinuousClock.Instant) {
        let (next, late, length) = state.withLock { state in
            let late = state.removeWaiters(from: now - .seconds(Self.patience))
            let next = state.next()
            if next == nil { state.underWay -= 1 }
            return (next, late, state.underWay + state.waiting)
        }
        metrics.setPasswordQueue(length)
        for waiter in late { waiter.turn.resume(returning: false) }
        next?.turn.resume(returning: true)
    }
}
