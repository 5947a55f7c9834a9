import Crypto

/// What a try is counted under. Each is one row of constant size.
package enum ThrottleScope: String, Sendable, CaseIterable {
    /// One identifier from one network: the /24 of IPv4, the /64 of IPv6.
    case pair
    /// One identifier from all networks.
    case identifier
    /// All identifiers from one site: the /24 of IPv4, the /48 of IPv6.
    case network
    /// All registrations from one site.
    case registrations
}

/// The keys of the counters that one try belongs to. Identifiers that nobody has are counted in the same way (OWASP
/// Authentication Cheat Sheet).
package struct ThrottleKeys: Sendable, Hashable {
    package let keys: [ThrottleScope: [UInt8]]

    package init(identifier: Identifier, address: String, secrets: MasterSecrets) {
        keys = [
            .pair: Self.key(secrets, .pair, identifier.text, IPNetwork(of: address)?.description ?? address),
            .identifier: Self.key(secrets, .identifier, identifier.text),
            .network: Self.key(secrets, .network, IPNetwork(siteOf: address)?.description ?? address),
        ]
    }

    /// For registrations, which try many identifiers: only their own site is slowed down.
    package init(registrationFrom address: String, secrets: MasterSecrets) {
        keys = [.registrations: Self.key(secrets, .registrations, IPNetwork(siteOf: address)?.description ?? address)]
    }

    /// The line in which tries of one identifier from one network wait for each other (``TryQueue``).
    var line: [UInt8] { keys[.pair] ?? [] }

    /// Of constant size, whatever was typed; and keyed, since people type passwords into the wrong field.
    private static func key(_ secrets: MasterSecrets, _ scope: ThrottleScope, _ parts: String...) -> [UInt8] {
        var code = HMAC<SHA256>(key: secrets.newest.throttleKey)
        for part in [scope.rawValue] + parts {
            code.update(data: bigEndian(UInt64(part.utf8.count), count: 4))
            code.update(data: [UInt8](part.utf8))
        }
        return [UInt8](code.finalize().prefix(16))
    }
}
