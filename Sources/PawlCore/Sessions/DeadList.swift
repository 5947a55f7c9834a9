import Synchronization

/// Sessions that were ended on purpose, bounded, in memory: a storm of their tokens costs one look-up each, and access
/// tokens of theirs are refused in this process at once. Filled after the commit. Sessions that merely expired are not
/// here, and neither are those of reuse that is only reported.
final class DeadList: Sendable {
    private struct Entries {
        var reasons: [SessionID: EndReason] = [:]
        /// In order of arrival, as a ring: the oldest makes room.
        var ring: [SessionID] = []
        var next = 0
    }

    private let entries = Mutex(Entries())
    private let capacity: Int

    init(capacity: Int = 100_000) {
        self.capacity = capacity
    }

    subscript(id: SessionID) -> EndReason? { entries.withLock { $0.reasons[id] } }

    func removeAll() { entries.withLock { $0 = Entries() } }

    func insert(_ id: SessionID, _ reason: EndReason) {
        guard reason != .expired else { return }
        entries.withLock { entries in
            guard entries.reasons.updateValue(reason, forKey: id) == nil else { return }
            if entries.ring.count < capacity {
                entries.ring.append(id)
            } else {
                entries.reasons[entries.ring[entries.next]] = nil
                entries.ring[entries.next] = id
                entries.next = (entries.next + 1) % capacity
            }
        }
    }
}
