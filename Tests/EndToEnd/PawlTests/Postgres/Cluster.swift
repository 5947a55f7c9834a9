import Foundation
import PawlAPI
import PawlCore
import ServerTesting

/// Two server processes on one PostgreSQL database.
struct Cluster {
    let database: String
    let server: PostgresServer
    let nodes: [Workplace]
    let secret: String

    /// - Parameters:
    ///   - server: a PostgreSQL of its own; the shared one if nil.
    ///   - port: of a proxy in front of it.
    init(on server: PostgresServer? = nil, port: Int? = nil) async throws {
        if let server {
            self.server = server
        } else {
            self.server = try await PostgresServer.shared()
        }
        database = try await self.server.makeDatabase()
        let url = self.server.url(database, port: port)
        let secret = Data(Randomness.system.bytes(32)).base64EncodedString()
        self.secret = secret
        nodes = try (0..<2).map { _ in try Workplace(url: url, secret: secret) }
    }

    /// What both are told: one public URL, that of the first.
    var arguments: [String] { ["--public-url", "http://localhost:\(nodes[0].port)"] }

    func serve() async throws -> [PawlProcess] {
        let first = try nodes[0].start(arguments)
        let second = try nodes[1].start(arguments)
        for process in [first, second] { try await process.waitUntilPrinted("Pawl is ready") }
        return [first, second]
    }
}

extension [PawlProcess] {
    /// Stops them, and returns their exit statuses.
    func stop() async -> [Int32] {
        var statuses: [Int32] = []
        for process in self { statuses.append(await process.stop()) }
        return statuses
    }
}
