import Synchronization

/// What may change while the server runs. Whatever turns a session reads it once, so that it sees one state from its
/// beginning to its end.
public struct InForce: Sendable {
    public let secrets: MasterSecrets
    public let lifetimes: SessionAuthority.Lifetimes

    /// - Parameter lifetimes: an access token's is cut to ``SessionAuthority/Lifetimes/longestAccess``.
    public init(secrets: MasterSecrets, lifetimes: SessionAuthority.Lifetimes) {
        self.secrets = secrets
        var lifetimes = lifetimes
        lifetimes.access = min(lifetimes.access, SessionAuthority.Lifetimes.longestAccess)
        self.lifetimes = lifetimes
    }

    /// The place where it is kept.
    final class Box: Sendable {
        private let value: Mutex<InForce>

        init(_ value: InForce) {
            self.value = Mutex(value)
        }

        var now: InForce {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }
}
