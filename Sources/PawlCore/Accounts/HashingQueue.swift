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
final class HashingQueue: Sendable {
    /// How many may wait in all, and of one site.
    static let capacity = 1024
    static let siteCapacity = 32

    private typealias Waiter = CheckedContinuation<Void, Never>

    /// People, or sites, in the order of their turns.
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
    }

    private struct State {
        var underWay = 0
        var waiting = 0
        var turns: [String] = []
        var sites: [String: Site] = [:]

        func isFull(for site: String) -> Bool {
            waiting >= HashingQueue.capacity || (sites[site]?.count ?? 0) >= HashingQueue.siteCapacity
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

    init(width: Int, metrics: PawlMetrics) {
        self.width = max(1, width)
        self.metrics = metrics
    }

    /// Whether the next password of this site would be turned away.
    func isFull(for share: HashingShare) -> Bool { state.withLock { $0.isFull(for: share.site) } }

    /// How many wait or are under way.
    var length: Int { state.withLock { $0.underWay + $0.waiting } }

    /// Runs `work` when its turn has come.
    /// - Throws: ``SessionError/busy(retryAfter:)`` if too many wait; what `work` throws.
    func run<Value>(
        for share: HashingShare, _ work: () async throws(SessionError) -> Value
    ) async throws(SessionError) -> Value {
        let arrival = ContinuousClock.now
        try await enter(share)
        metrics.recordPassword(waited: .now - arrival)
        defer {
            leave()
            metrics.recordPassword(took: .now - arrival)
        }
        return try await work()
    }

    private func enter(_ share: HashingShare) async throws(SessionError) {
        let isFull = state.withLock { $0.isFull(for: share.site) }
        guard !isFull else { throw .busy(retryAfter: 1) }
        await withCheckedContinuation { (waiter: Waiter) in
            let (isNext, length) = state.withLock { state in
                let isNext = state.underWay < width && state.waiting == 0
                if isNext {
                    state.underWay += 1
                } else {
                    if state.sites[share.site] == nil { state.turns.append(share.site) }
                    state.sites[share.site, default: Site()].add(waiter, of: share.person)
                    state.waiting += 1
                }
                return (isNext, state.underWay + state.waiting)
            }
            metrics.setPasswordQueue(length)
            if isNext { waiter.resume() }
        }
    }

    private func leave() {
        let (next, length) = state.withLock { state in
            let next = state.next()
            if next == nil { state.underWay -= 1 }
            return (next, state.underWay + state.waiting)
        }
        metrics.setPasswordQueue(length)
        next?.resume()
    }
}
