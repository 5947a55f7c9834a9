/// How far housekeeping has come with each table.
package struct HousekeepingRound: Sendable {
    enum Walk<Key: Sendable>: Sendable {
        /// Goes on after the last key looked at; nil before the first.
        case goesOn(after: Key?)
        case isOver

        init(after key: Key?) { self = key == nil ? .isOver : .goesOn(after: key) }

        var isOver: Bool { if case .isOver = self { true } else { false } }
    }

    /// Whether it has begun and is not over.
    package internal(set) var isUnderWay = false
    var sessions = Walk<SessionID>.goesOn(after: nil)
    var throttles = Walk<[UInt8]>.goesOn(after: nil)
    var hasOldEvents = true
    /// What deadlines are compared with before anything is deleted.
    var time = UnixTime(seconds: 0)
    /// How many of the sessions looked at were live.
    var live = 0

    package init() {}
}
