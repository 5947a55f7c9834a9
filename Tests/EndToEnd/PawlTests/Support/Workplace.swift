import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import PawlAPI
import ServerTesting
import Synchronization

/// A temporary folder and two free ports: the place where a binary is tried, on SQLite or as one of several on a
/// PostgreSQL.
final class Workplace: Sendable {
    let folder: URL
    let port: Int
    let opsPort: Int
    /// The other ones need none: it is made beside the database.
    private let secret: String?
    private let url: String?

    /// - Parameters:
    ///   - url: of a PostgreSQL database.
    ///   - secret: the master secret of all that share it.
    init(url: String? = nil, secret: String? = nil) throws {
        self.url = url
        self.secret = secret
        folder = FileManager.default.temporaryDirectory.appending(path: "pawl-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        port = try Self.freePort()
        opsPort = try Self.freePort()
        if let secret { _ = try write(secret, to: "p.sqlite.master-secret") }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }  // a leftover in the temporary folder harms nobody

    var database: String { url ?? "sqlite:\(folder.path)/p.sqlite" }
    /// What commands need to find the server.
    var operating: [String] { ["--database", database, "--ops-port", String(opsPort)] + secretOption }
    private var secretOption: [String] { secret == nil ? [] : ["--master-secret-file", secretFile] }
    var secretFile: String { folder.path + "/p.sqlite.master-secret" }

    /// One that says at once that nobody listens.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    static func freePort() throws -> Int {
        // Not while a child is started: it would inherit the socket, and hold the port for as long as it lives.
        try PawlProcess.starting.withLock { _ in
            let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).wait()
            let port = channel.localAddress?.port ?? 0
            try channel.close().wait()
            return port
        }
    }

    /// Starts `pawl serve` here and waits until it is ready.
    func serve(_ arguments: [String] = [], environment: [String: String] = [:]) async throws -> PawlProcess {
        let process = try start(arguments, environment: environment)
        try await process.waitUntilPrinted("Pawl is ready")
        try await waitUntilHealthy()  // the other listener
        return process
    }

    /// Starts `pawl serve` here.
    /// - Parameter runner: a program, with its arguments, that becomes the server.
    func start(
        _ arguments: [String] = [], environment: [String: String] = [:], by runner: [String] = []
    ) throws -> PawlProcess {
        let command =
            runner + [
                PawlProcess.binaries.appending(path: "pawl").path, "serve", "--database", database, "--port",
                String(port), "--ops-port", String(opsPort), "--registration", "open",
            ] + secretOption + arguments
        return try PawlProcess(URL(filePath: command[0]), Array(command.dropFirst()), environment: environment)
    }

    /// Waits for the operations listener of a server whose log cannot be read.
    func waitUntilHealthy() async throws {
        for _ in 0..<1000 {
            let answer = try? await send(.GET, PawlPath.health, port: opsPort)  // refused until it listens
            if answer?.status == 200 { return }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
        let path = folder.appending(path: name).path
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: (any Encodable & Sendable)? = nil,
        headers: [String: String] = [:],
        port: Int? = nil
    ) async throws -> (status: Int, body: Data) {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port ?? self.port)\(path)")
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes([UInt8](try JSONEncoder().encode(body)))
        }
        let response = try await Self.client.execute(request, timeout: .seconds(20))
        return (Int(response.status.code), Data([UInt8](buffer: try await response.body.collect(upTo: 1 << 20))))
    }

    func register(_ name: String) async throws -> TokenResponse {
        let answer = try await send(
            .POST, PawlPath.register, SignInRequest(identifier: name, password: "correct horse battery", device: nil))
        return try JSONDecoder().decode(TokenResponse.self, from: answer.body)
    }

    func refresh(_ token: String, attempt: String) async throws -> (status: Int, body: Data) {
        try await send(
            .POST, PawlPath.refresh, RefreshRequest(refreshToken: token), headers: [PawlHeader.attempt: attempt])
    }
}
