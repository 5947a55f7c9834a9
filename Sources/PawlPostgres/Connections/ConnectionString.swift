import CLibPQ
import PawlCore

/// A connection string as libpq itself reads it.
package struct ConnectionString: Sendable, CustomStringConvertible {
    private let options: [String: String]

    /// - Returns: nil if libpq cannot read `text`, or reads a part of a password as something else, which would then be
    ///   shown: a `/` or `@` in it that is not percent-encoded.
    package init?(_ text: String) {
        guard let list = unsafe PQconninfoParse(text, nil) else { return nil }
        defer { unsafe PQconninfoFree(list) }
        var options: [String: String] = [:]
        var option = unsafe list
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                options[unsafe String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        self.options = options
        guard ports.allSatisfy({ $0.allSatisfy { ("0"..."9").contains($0) } }),
            !(hosts + [options["dbname"] ?? ""]).contains(where: { $0.dropFirst().contains("@") })
        else { return nil }
    }

    private var hosts: [String] { Self.list(options["host"]) }
    private var ports: [String] { Self.list(options["port"]) }

    private static func list(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// Hosts, ports and database; never the user, the password or an option.
    package var description: String {
        let places = hosts.enumerated().map { index, host in
            // One port stands for all hosts.
            let port = ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : ""
            return (host.contains(":") ? "[\(host)]" : host) + (port.isEmpty ? "" : ":\(port)")
        }
        return "postgres://\(places.joined(separator: ","))/\(options["dbname"] ?? "")"
    }

    package var hasPassword: Bool { options["password"] != nil }

    /// Whether a section of libpq's service file is named, which may or may not set `sslmode`.
    /// - Parameter environment: where libpq looks for what the connection string leaves open.
    func namesService(_ environment: [String: String]) -> Bool {
        options["service"] != nil || environment["PGSERVICE"] != nil
    }

    /// Whether the certificate of the server must be verified, because nothing else was said and a host may be another
    /// machine. libpq's own default would send everything in clear if the server that answers asks for that.
    /// - Parameter environment: where libpq looks for what the connection string leaves open.
    package func needsVerifiedServer(_ environment: [String: String]) -> Bool {
        // A service's section in libpq's file has settings of its own.
        let isSaid = options["sslmode"] ?? options["service"] ?? environment["PGSSLMODE"] ?? environment["PGSERVICE"]
        guard isSaid == nil else { return false }
        let names = Self.list(options["host"] ?? environment["PGHOST"])
        let addresses = Self.list(options["hostaddr"] ?? environment["PGHOSTADDR"])
        return (0..<max(names.count, addresses.count)).contains { index in
            let address = addresses.indices.contains(index) ? addresses[index] : ""
            return !Self.isThisMachine(address.isEmpty && names.indices.contains(index) ? names[index] : address)
        }
    }

    /// A Unix socket, the loopback interface, or libpq's default, which is a Unix socket.
    static func isThisMachine(_ host: String) -> Bool {
        host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost"
            || loopback.contains { $0.contains(host) }
    }

    private static let loopback = ["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) }
}
