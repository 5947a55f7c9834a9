/// One loss of writes (a restored backup, a failover): what is known of it, and what an operator decided.
package struct Incident: Sendable, Equatable, Codable {
    /// Names it to operators; the newest has the highest.
    package let number: Int
    package let detectedAt: UnixTime
    /// The lost interval: the database may know nothing of tokens that were issued in it.
    package internal(set) var lost: ClosedRange<UnixTime>
    /// When an operator let its sessions go on.
    package internal(set) var openedAt: UnixTime?
    /// When an operator put an end to that, or to waiting.
    package internal(set) var closedAt: UnixTime?
    /// Seconds by which the clock has jumped ahead; never stored.
    private var delay: Int64 = 0

    private enum CodingKeys: CodingKey {
        case number, detectedAt, lost, openedAt, closedAt
    }

    /// How long, in seconds, clients are kept waiting for a decision.
    static let patience: Int64 = 86400
    /// How long sessions may go on, once an operator has said so: as long as housekeeping keeps rows.
    static let window: Int64 = 7 * 86400

    package init(number: Int, detectedAt: UnixTime, lost: ClosedRange<UnixTime>, openedAt: UnixTime? = nil) {
        self.number = number
        self.detectedAt = detectedAt
        self.lost = lost
        self.openedAt = openedAt
    }

    package enum State: Sendable, Equatable {
        /// Diverged tokens are told to come again.
        case undecided
        /// Diverged tokens move their sessions on.
        case open(since: UnixTime)
        /// Diverged tokens are lost.
        case closed
    }

    package func state(at now: UnixTime) -> State {
        guard closedAt == nil, now < endsAt else { return .closed }
        return openedAt.map { .open(since: $0) } ?? .undecided
    }

    /// The incident as a clock sees it that has jumped ahead: it closes later by as much, up to a week.
    func delayed(by seconds: Int64) -> Self {
        var incident = self
        incident.delay = min(seconds, Self.window)
        return incident
    }

    /// When it is closed, by whatever comes first.
    package var endsAt: UnixTime {
        closedAt ?? (openedAt.map { $0 + Self.window } ?? detectedAt + Self.patience) + delay
    }
}
