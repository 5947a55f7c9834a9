import Crypto

/// What failed logins are counted under: the identifier together with the client's network, and the identifier alone;
/// the same for identifiers that nobody has (OWASP Authentication Cheat Sheet).
public struct ThrottleKeys: Sendable, Hashable {
    package let network: [UInt8]
    package let identifier: [UInt8]

    package init(identifier: Identifier, address: String, secrets: MasterSecrets) {
        network = Self.key(secrets, "network", identifier.text, Self.network(of: address))
        self.identifier = Self.key(secrets, "identifier", identifier.text)
    }

    /// For registrations, which try many identifiers: only the client's own network is slowed down.
    init(registrationFrom address: String, secrets: MasterSecrets) {
        network = Self.key(secrets, "registration", Self.network(of: address))
        identifier = network
    }

    private static func network(of address: String) -> String { IPNetwork(of: address)?.description ?? address }

    /// Of constant size, whatever was typed; and keyed, since people type passwords into the wrong field.
    private static func key(_ secrets: MasterSecrets, _ parts: String...) -> [UInt8] {
        var code = HMAC<SHA256>(key: secrets.newest.throttleKey)
        for part in parts {
            code.update(data: bigEndian(UInt64(part.utf8.count), count: 4))
            code.update(data: [UInt8](part.utf8))
        }
        return [UInt8](code.finalize().prefix(16))
    }
}

/// One counter's row.
public struct ThrottleCounter: Sendable, Equatable {
    package var failures: Int64
    package var lastUse: UnixTime
    /// Until when this network is free of the identifier's delay.
    package var trustedUntil: UnixTime?

    package init(failures: Int64 = 0, lastUse: UnixTime, trustedUntil: UnixTime? = nil) {
        self.failures = failures
        self.lastUse = lastUse
        self.trustedUntil = trustedUntil
    }
}

/// The rule: failures slow their own network down to a try a minute, and everybody down to a try in five seconds, but
/// never somebody who signed in from the same network before; so a stranger cannot lock anyone out.
package enum LoginThrottle {
    /// Typing errors that cost nothing.
    static let freeNetworkFailures: Int64 = 5
    static let freeIdentifierFailures: Int64 = 50
    static let trust: Int64 = 30 * 86400
    /// A last try further in the future than this is no other machine's clock but one that has been set back: waiting
    /// for it to come could take a day.
    private static let clockDifference: Int64 = 300
    /// After a day without a try, failures are forgotten.
    package static let memory: Int64 = 86400

    /// Whether a counter says nothing any more: no failures to remember, no network to trust.
    package static func isForgotten(_ counter: ThrottleCounter, at now: UnixTime) -> Bool {
        now.age(since: counter.lastUse) > memory && !(counter.trustedUntil.map { now < $0 } ?? false)
    }

    /// Seconds to wait before the next try, or nil and the counters with this try counted as a failure for now.
    package static func reserve(
        network: ThrottleCounter?, identifier: ThrottleCounter?, at now: UnixTime
    ) -> (wait: Int64?, network: ThrottleCounter, identifier: ThrottleCounter) {
        var network = current(network, at: now)
        var identifier = current(identifier, at: now)
        var wait = remaining(of: delay(after: network.failures, free: freeNetworkFailures, limit: 60), network, now)
        if !(network.trustedUntil.map { now < $0 } ?? false) {
            wait = max(
                wait,
                remaining(
                    of: delay(after: identifier.failures, free: freeIdentifierFailures, limit: 5), identifier, now))
        }
        guard wait == 0 else { return (wait, network, identifier) }
        network.failures += 1
        network.lastUse = now
        identifier.failures += 1
        identifier.lastUse = now
        return (nil, network, identifier)
    }

    /// The counters after the login's result is known.
    package static func settle(
        network: ThrottleCounter?, identifier: ThrottleCounter?, _ result: LoginResult, at now: UnixTime
    ) -> (network: ThrottleCounter, identifier: ThrottleCounter) {
        var network = current(network, at: now)
        var identifier = current(identifier, at: now)
        switch result {
        case .succeeded:
            network = ThrottleCounter(lastUse: now, trustedUntil: now + trust)
            identifier.failures = 0
        case .failed:
            break
        case .abandoned:
            network.failures = max(0, network.failures - 1)
            identifier.failures = max(0, identifier.failures - 1)
        case .registered:
            // One failure is forgiven beside the try itself: a network that mostly registers is soon free again.
            network.failures = max(0, network.failures - 2)
            identifier.failures = max(0, identifier.failures - 2)
        }
        return (network, identifier)
    }

    private static func current(_ counter: ThrottleCounter?, at now: UnixTime) -> ThrottleCounter {
        guard var counter else { return ThrottleCounter(lastUse: now) }
        if now.age(since: counter.lastUse) > memory { counter.failures = 0 }
        return counter
    }

    /// 1 s at the first failure beyond the free ones, doubling up to `limit`.
    private static func delay(after failures: Int64, free: Int64, limit: Int64) -> Int64 {
        failures < free ? 0 : min(limit, 1 << min(failures - free, 10))
    }

    private static func remaining(of delay: Int64, _ counter: ThrottleCounter, _ now: UnixTime) -> Int64 {
        delay == 0 || counter.lastUse > now + clockDifference ? 0 : max(0, delay - now.age(since: counter.lastUse))
    }
}
