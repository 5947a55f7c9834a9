import Synchronization

/// The sessions that were ended, here or by other servers on the same database, so that their access tokens are refused.
package final class Revocations: Sendable {
    private struct Look {
        /// By a clock that nobody can set.
        let uptime: Int64
        /// The highest number of an event by then.
        let newest: Int64
    }

    private let environment: PawlEnvironment
    /// The last looks, oldest first: one from before the margin, and those within it.
    private let looks = Mutex<[Look]>([])
    /// The numbers of what was learnt since the first of them.
    private let known = Mutex<Set<Int64>>([])

    /// Numbers are given out before their transactions commit, so an event can appear after one with a higher number. No
    /// transaction takes longer than this, in seconds.
    private static let margin: Int64 = 60
    /// As many numbers may still be on their way when a server starts.
    private static let startMargin: Int64 = 5000
    private static let page = 10_000

    init(_ environment: PawlEnvironment) {
        self.environment = environment
    }

    private var store: any Store { environment.store }

    /// Learns which sessions other servers have ended since the last time, however long ago that was; call it every second
    /// or so. Goes by the numbers of events, since clocks can be set.
    package func follow() async throws(StoreError) {
        let uptime = environment.clock.uptime
        guard var cursor = looks.withLock({ $0.first?.newest }) else { return try await load() }
        let known = self.known.withLock { $0 }
        var newest: Int64
        repeat {
            let endings = try await store.endings(after: cursor, limit: Self.page) { known.contains($0) }
            newest = endings.newest
            // The database has gone back: what it says now has other numbers.
            guard newest >= cursor else { return try await load() }
            learn(endings.events.map(\.event))
            self.known.withLock { $0.formUnion(endings.events.map(\.id)) }
            cursor = endings.next ?? newest
        } while cursor < newest
        note(Look(uptime: uptime, newest: newest))
    }

    /// Begins anew, with the sessions that ended while their access tokens live on.
    package func load() async throws(StoreError) {
        let newest = try await store.endings(after: .max, limit: 1) { _ in true }.newest
        learn(
            try await store.events(
                since: environment.clock.now - Lifetimes.longestAccess, kinds: [.sessionEnded, .sessionReused],
                limit: 100_000))
        known.withLock { $0 = [] }
        looks.withLock { $0 = [Look(uptime: environment.clock.uptime, newest: max(0, newest - Self.startMargin))] }
    }

    /// Makes the next look begin anew.
    func forget() {
        looks.withLock { $0 = [] }
        known.withLock { $0 = [] }
    }

    private func learn(_ events: [Event]) {
        for event in events {
            if let session = event.session, let reason = event.endReason {
                environment.ended.insert(session, reason, of: event.subject)
            }
        }
    }

    private func note(_ look: Look) {
        let (before, settled) = looks.withLock { looks in
            let before = looks.first?.newest ?? 0
            looks.append(look)
            let settled = looks.lastIndex { $0.uptime <= look.uptime - Self.margin } ?? looks.startIndex
            looks.removeFirst(settled)
            return (before, looks.first?.newest ?? 0)
        }
        if settled > before { known.withLock { $0 = $0.filter { $0 > settled } } }
    }
}
