public import PawlCore

/// What a server tells its operator about itself.
public struct ServerDescription: Sendable {
    public var startedAt: UnixTime
    /// What listens where, by its name.
    public var listeners: [String: String]

    public init(startedAt: UnixTime = WallClock.system.now, listeners: [String: String] = [:]) {
        self.startedAt = startedAt
        self.listeners = listeners
    }
}
