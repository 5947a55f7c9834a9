/// When which master secret was the newest: the one that made the refresh tokens of that time. A token names its secret
/// to its holder, not to the database.
package struct MasterSecretHistory: Sendable {
    /// The details of a ``Event/Kind/masterSecretChanged``: key ids, in hexadecimal.
    static let from = "from"
    static let to = "to"

    private struct Change {
        let at: UnixTime
        let from: UInt8
        let to: UInt8
    }

    private let changes: [Change]

    /// - Parameter events: oldest first; those of other kinds say nothing.
    package init(_ events: [Event]) {
        changes = events.compactMap { event in
            guard event.kind == .masterSecretChanged, let from = event.details[Self.from].flatMap(Hex.decode)?.first,
                let to = event.details[Self.to].flatMap(Hex.decode)?.first
            else { return nil }
            return Change(at: event.at, from: from, to: to)
        }
    }

    /// The spans of time in which a secret was the newest, apart from the one that lasts.
    package func spans(of keyID: UInt8) -> [Range<UnixTime>] {
        var start = UnixTime(seconds: 0)
        var spans: [Range<UnixTime>] = []
        for change in changes {
            if change.from == keyID, start < change.at { spans.append(start..<change.at) }
            start = max(start, change.at)
        }
        return spans
    }
}
