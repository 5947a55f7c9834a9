#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A block of IP addresses, such as `10.0.0.0/8`.
public struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    private let bytes: [UInt8]
    private let prefix: Int

    /// One address, or a block in CIDR notation (RFC 4632, RFC 4291 §2.3).
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = Self.bytes(of: String(parts[0])) else { return nil }
        switch parts.count {
        case 1: self.init(address, prefix: address.count * 8)
        case 2:
            guard let prefix = Int(parts[1]), (0...address.count * 8).contains(prefix) else { return nil }
            self.init(address, prefix: prefix)
        default: return nil
        }
    }

    /// The network that an address is counted under: the /24 of IPv4, the /64 of IPv6.
    init?(of address: String) {
        guard let bytes = Self.bytes(of: address) else { return nil }
        self.init(bytes, prefix: bytes.count == 4 ? 24 : 64)
    }

    /// The site that an address belongs to: the /24 of IPv4, the /48 of IPv6, since a site is commonly given so many of
    /// its own (RFC 6177).
    init?(siteOf address: String) {
        guard let bytes = Self.bytes(of: address) else { return nil }
        self.init(bytes, prefix: bytes.count == 4 ? 24 : 48)
    }

    private init(_ address: [UInt8], prefix: Int) {
        bytes = address.enumerated().map { index, byte in
            let bits = min(8, max(0, prefix - index * 8))
            return bits == 0 ? 0 : byte & (0xFF << UInt8(8 - bits))
        }
        self.prefix = prefix
    }

    package func contains(_ address: String) -> Bool {
        guard let other = Self.bytes(of: address), other.count == bytes.count else { return false }
        return Self(other, prefix: prefix) == self
    }

    /// Addresses that the Internet does not route (RFC 1918, RFC 6598, RFC 4193 and others).
    private static let privateBlocks = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "fc00::/7", "fe80::/10",
    ].compactMap { Self($0) }

    /// Whether it holds more public addresses than the proxies of any one operator: it is wider than a /12 of IPv4 or
    /// a /24 of IPv6. The blocks that large providers publish for their proxies are narrower.
    package var isVeryWide: Bool {
        guard prefix < (bytes.count == 4 ? 12 : 24) else { return false }
        return !Self.privateBlocks.contains { block in
            block.prefix <= prefix && block.bytes.count == bytes.count && Self(bytes, prefix: block.prefix) == block
        }
    }

    /// As it is written in settings, such as `10.0.0.0/8`.
    package var cidr: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = unsafe inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/\(prefix)"
    }

    package static func isAddress(_ text: String) -> Bool { bytes(of: text) != nil }

    /// The one spelling in which an address is stored and compared (RFC 5952). An IPv4-mapped IPv6 address becomes IPv4.
    /// Nil for anything that is not an address.
    package static func canonical(_ text: String) -> String? {
        guard let bytes = bytes(of: text) else { return nil }
        var result = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard unsafe inet_ntop(family, bytes, &result, socklen_t(result.count)) != nil else { return nil }
        return String(decoding: result.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The network's bytes and the length of its prefix.
    public var description: String { "\(Hex.encode(bytes))/\(prefix)" }

    /// 4 or 16 bytes; an IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
    private static func bytes(of text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4)
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return bytes }
        bytes = [UInt8](repeating: 0, count: 16)
        guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        return Array(bytes[..<12]) == mapped ? Array(bytes[12...]) : bytes
    }
}
