/// An origin as browsers write it: scheme, host and port (RFC 6454 §6.1), for example `https://app.example.com`.
public struct WebOrigin: Hashable, Sendable, CustomStringConvertible {
    /// Lower case and without the scheme's own port, so that it equals a browser's `Origin` field byte for byte.
    public let description: String
    let scheme: String
    let host: String

    /// Nil for anything that is more or less than an origin: a path, a wildcard, `null`, a host beyond ASCII (write
    /// those as browsers do, in Punycode).
    public init?(_ text: String) {
        let pattern = /([a-z][a-z0-9+.\-]*):\/\/([a-z0-9._\-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/
        guard let parts = text.lowercased().wholeMatch(of: pattern) else { return nil }
        scheme = String(parts.1)
        host = String(parts.2)
        var port = ""
        if let digits = parts.3 {
            guard let number = UInt16(digits), number > 0 else { return nil }
            if number != ["http": 80, "https": 443][scheme] { port = ":\(number)" }
        }
        description = "\(scheme)://\(host)\(port)"
    }

    /// Whether a network between the two cannot change what comes from there: `https`, an application's own scheme, or
    /// this machine (Secure Contexts §3.1).
    public var isTrustworthy: Bool {
        scheme != "http" || host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]"
            || host.wholeMatch(of: /127\.[0-9.]+/) != nil
    }
}
