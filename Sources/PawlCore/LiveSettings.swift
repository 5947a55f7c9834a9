import Synchronization

/// What may change while the server runs. Each turn of a session reads it once, and so sees one state from its beginning to
/// its end.
package struct LiveSettings: Sendable {
    package let secrets: MasterSecrets
    package let lifetimes: Lifetimes

    /// - Parameter lifetimes: an access token's is cut to ``Lifetimes/longestAccess``.
    package init(secrets: MasterSecrets, lifetimes: Lifetimes) {
        self.secrets = secrets
        var lifetimes = lifetimes
        lifetimes.access = min(lifetimes.access, Lifetimes.longestAccess)
        self.lifetimes = lifetimes
    }

    /// Where the settings of this moment are kept.
    package final class Current: Sendable {
        private let value: Mutex<LiveSettings>

        package init(_ settings: LiveSettings) { value = Mutex(settings) }

        package var now: LiveSettings { value.withLock { $0 } }

        func replace(by settings: LiveSettings) { value.withLock { $0 = settings } }
    }
}
