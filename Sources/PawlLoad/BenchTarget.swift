import Foundation
import PawlCore
import PawlTerminal

/// A server to measure, and how requests to it begin.
struct BenchTarget: Sendable, Equatable, CustomStringConvertible {
    let host: String
    let port: Int
    /// Of the URL; a server's own URL has none.
    let path: String

    init(_ text: String, allowRemote: Bool) throws {
        guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty, url.user == nil,
            url.query == nil, url.fragment == nil
        else { throw CommandError("A target is a URL such as http://127.0.0.1:8080, not \"\(text)\".") }
        guard url.scheme == "http" else {
            throw CommandError(
                "pawl bench speaks plain HTTP, to measure Pawl, not TLS. Name the address that pawl serve listens on.")
        }
        self.host = host.trimmingCharacters(in: ["[", "]"])
        port = url.port ?? 80
        path = url.path
        guard allowRemote || isThisMachine else {
            throw CommandError(
                """
                \(self.host) is not this machine. A load test takes all the power that a server has, and leaves users \
                whose password everybody knows. If it is a server of your own that nobody needs meanwhile, add \
                --allow-remote.
                """)
        }
    }

    private init(host: String, port: Int, path: String) {
        self.host = host
        self.port = port
        self.path = path
    }

    /// Another path of the same server, or another address.
    func other(_ text: String, allowRemote: Bool) throws -> Self {
        text.hasPrefix("/")
            ? Self(host: host, port: port, path: text) : try Self(text, allowRemote: allowRemote)
    }

    var isThisMachine: Bool {
        host == "localhost" || ["127.0.0.0/8", "::1"].contains { IPNetwork($0)?.contains(host) ?? false }
    }

    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    var description: String { "http://\(authority)" }

    /// A request's first bytes, without the empty line that ends its head.
    func head(_ method: String, _ path: String) -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\nUser-Agent: pawl-bench\r\n"
    }

    /// The first bytes of a request with a JSON body of `length` bytes.
    func head(posting length: Int, to path: String) -> String {
        head("POST", path) + "Content-Type: application/json\r\nContent-Length: \(length)\r\n"
    }
}
