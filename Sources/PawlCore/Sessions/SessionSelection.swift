/// Which sessions to end.
package enum SessionSelection: Sendable, Hashable {
    case one(SessionID)
    case these([SessionID])
    case all(of: SubjectID)
    case others(of: SubjectID, keeping: SessionID)
    /// Those of anybody that began then or later.
    case begun(since: UnixTime)
}

extension SessionSelection {
    /// The sessions that it names by their ids: those after `cursor`, in the order of ids. Nil where rows tell.
    package func ids(after cursor: SessionID?, limit: Int) -> [SessionID]? {
        let named: [SessionID]
        switch self {
        case .one(let id): named = [id]
        case .these(let ids): named = ids.sorted()
        case .all, .others, .begun: return nil
        }
        return Array(named.filter { id in cursor.map { $0 < id } ?? true }.prefix(limit))
    }

    /// When the sessions began at the earliest.
    package var start: UnixTime { if case .begun(let start) = self { start } else { UnixTime(seconds: 0) } }
}
