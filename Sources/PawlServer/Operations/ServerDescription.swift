package import PawlCore

/// What a server tells its operator about itself.
public struct ServerDescription: Sendable {
    package var startedAt: UnixTime
    /// What listens where, by its name.
    public var listeners: [String: String]

    /// - Parameter listeners: what listens where, by its name.
    public init(listeners: [String: String] = [:]) { self.init(startedAt: WallClock.system.now, listeners: listeners) }

    package init(startedAt: UnixTime, listeners: [String: String]) {
        self.startedAt = startedAt
        self.listeners = listeners
    }
}
