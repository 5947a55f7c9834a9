import Synchronization

/// Sessions that were ended on purpose, bounded, in memory: a storm of their tokens costs one look-up each, and access
/// tokens of theirs are refused in this process at once. Filled after the commit. Sessions that merely expired are not
/// here, nor sessions whose reuse was only reported.
///
/// No user fills the list alone: each has a tenth of it. Sessions beyond it are looked up in the store.
final class EndedSessions: Sendable {
    private struct Entries {
        var reasons: [SessionID: EndReason] = [:]
        /// In order of arrival, as a ring: the oldest makes room.
        var ring: [(id: SessionID, subject: SubjectID?)] = []
        var next = 0
        var counts: [SubjectID: Int] = [:]
        /// Subjects with sessions that found no room in their share.
        var crowded: Set<SubjectID> = []

        mutating func add(_ id: SessionID, of subject: SubjectID?, capacity: Int) {
            if let subject { counts[subject, default: 0] += 1 }
            guard ring.count == capacity else { return ring.append((id, subject)) }
            let oldest = ring[next]
            reasons[oldest.id] = nil
            if let owner = oldest.subject, let count = counts[owner] { counts[owner] = count > 1 ? count - 1 : nil }
            ring[next] = (id, subject)
            next = (next + 1) % capacity
        }
    }

    private let entries = Mutex(Entries())
    private let capacity: Int
    private var share: Int { max(1, capacity / 10) }

    init(capacity: Int = 100_000) {
        self.capacity = capacity
    }

    subscript(id: SessionID) -> EndReason? { entries.withLock { $0.reasons[id] } }

    /// Whether sessions of the subject may have ended in this process and not be here.
    func isIncomplete(for subject: SubjectID) -> Bool { entries.withLock { $0.crowded.contains(subject) } }

    func removeAll() { entries.withLock { $0 = Entries() } }

    /// - Parameter subject: whose session it is, if that is known.
    func insert(_ id: SessionID, _ reason: EndReason, of subject: SubjectID?) {
        guard reason != .expired else { return }
        entries.withLock { entries in
            if entries.reasons[id] != nil {
                entries.reasons[id] = reason
                return
            }
            if let subject, entries.counts[subject, default: 0] >= share {
                entries.crowded.insert(subject)
                return
            }
            entries.reasons[id] = reason
            entries.add(id, of: subject, capacity: capacity)
        }
    }
}
