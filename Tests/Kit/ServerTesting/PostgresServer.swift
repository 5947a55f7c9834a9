package import Foundation
import Glibc
import Synchronization

/// A PostgreSQL server of the tests' own, on a free port of the loopback address, in a temporary folder, run by a user
/// without privilege. Durable, as its defaults are.
package final class PostgresServer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package let folder: URL
    package let port: Int
    private let settings: [String]
    /// A program, with its arguments, that becomes each of PostgreSQL's.
    private let runner: [String]

    /// Those of a Citus cluster that hold the parts of a distributed table; this server is then its coordinator.
    package let workers: [PostgresServer]

    /// Those in `PAWL_POSTGRES_BIN`, or Debian's, or else those on the path.
    static let programs: String = {
        if let folder = ProcessInfo.processInfo.environment["PAWL_POSTGRES_BIN"] { return folder + "/" }
        let debian = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []  // absent: not Debian
        return versions.compactMap(Int.init).max().map { "\(debian)/\($0)/bin/" } ?? ""
    }()

    /// One for all tests that only need a database of their own in it; stopped with the process.
    package static func shared() async throws -> PostgresServer { try await sharedServer.value }

    /// Whether the shared server is a Citus cluster on which each database's sessions are distributed: `make test-citus`.
    package static let isCitus = ProcessInfo.processInfo.environment["PAWL_CITUS"] != nil

    private static let sharedServer = Task {
        let server = try await isCitus ? citusCluster() : PostgresServer()
        runningServer.withLock { $0 = server }
        atexit { PostgresServer.runningServer.withLock { $0 }?.end() }
        return server
    }
    private static let runningServer = Mutex<PostgresServer?>(nil)

    /// Makes a cluster and starts it.
    /// - Parameters:
    ///   - settings: such as `max_connections=8`.
    ///   - journalSegment: MiB of each file of its journal; smaller ones make it slower.
    ///   - folder: one that its owner may write to; a temporary one if nil.
    package init(
        settings: [String] = [], journalSegment: Int = 16, in folder: String? = nil, by runner: [String] = [],
        workers: [PostgresServer] = []
    ) async throws {
        self.workers = workers
        let own = FileManager.default.temporaryDirectory.appending(path: "pawl-postgres-\(UUID().uuidString)")
        self.folder = folder.map { URL(filePath: $0) } ?? own
        self.runner = runner
        port = try Self.freePort()
        self.settings =
            [
                "port=\(port)", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=1000",
            ] + settings
        if folder == nil {
            try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
            try Self.giveToOwner(own.path)
        }
        try await run(
            "initdb", "--pgdata", data, "--username", "pawl", "--auth", "trust", "--encoding", "UTF8", "--locale",
            "C.UTF-8", "--wal-segsize", String(journalSegment), "--no-instructions")
        try await start()
    }

    package var data: String { folder.path + "/data" }

    package func url(_ database: String = "postgres", port: Int? = nil) -> String {
        "postgres://pawl@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    package func start() async throws {
        try await run(
            "pg_ctl", "start", "--pgdata", data, "--wait", "--silent", "--log", folder.path + "/log", "--options",
            settings.map { "-c '\($0)'" }.joined(separator: " "))
    }

    /// - Parameter mode: `smart`, `fast`, or `immediate`, which is like loss of power.
    package func stop(_ mode: String = "fast") async throws {
        try await run("pg_ctl", "stop", "--pgdata", data, "--wait", "--silent", "--mode", mode)
    }

    /// Ends it and deletes its files.
    package func remove() async {
        try? await stop("immediate")  // it may have been stopped before
        try? FileManager.default.removeItem(at: folder)  // a leftover in the temporary folder harms nobody
    }

    /// The process of the server; nil while it is stopped.
    package var pid: pid_t? {
        let lines = (try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8))?.split(separator: "\n")
        return lines?.first.flatMap { pid_t($0) }
    }

    /// A coordinator and two workers.
    private static func citusCluster() async throws -> PostgresServer {
        let settings = [
            "shared_preload_libraries=citus", "wal_level=logical", "citus.recover_2pc_interval=2s",
            "max_worker_processes=400",  // each database has one of Citus's own
        ]
        let workers = [
            try await PostgresServer(settings: settings + ["max_connections=300"]),
            try await PostgresServer(settings: settings + ["max_connections=300"]),
        ]
        return try await PostgresServer(settings: settings, workers: workers)
    }

    /// Makes the database on all parts of the cluster, with Pawl's tables, of which `sessions` is distributed.
    private func distribute(_ database: String) async throws {
        for server in workers {
            try await server.query("CREATE DATABASE \(database)", in: "postgres")
            try await server.query("CREATE EXTENSION citus", in: database)
        }
        try await query("CREATE EXTENSION citus", in: database)
        try await query("SELECT citus_set_coordinator_host('127.0.0.1', \(port))", in: database)
        for server in workers { try await query("SELECT citus_add_node('127.0.0.1', \(server.port))", in: database) }
        let migrated = try await PawlProcess.run(
            ["migrate", "up", "--database", url(database), "--ops-port", String(Self.freePort())])
        guard migrated.status == 0 else { throw Failure(description: migrated.output) }
        try await query("SELECT create_distributed_table('sessions', 'id', shard_count => 4)", in: database)
    }

    /// Ends it at once, for when this process ends.
    private func end() {
        for worker in workers { worker.end() }
        if let pid { kill(pid, SIGQUIT) }
        try? FileManager.default.removeItem(at: folder)  // a leftover in the temporary folder harms nobody
    }

    /// An empty database of its own.
    package func makeDatabase() async throws -> String {
        let name = "t" + UUID().uuidString.lowercased().replacing("-", with: "")
        try await query("CREATE DATABASE \(name)", in: "postgres")
        if !workers.isEmpty { try await distribute(name) }
        return name
    }

    /// Runs SQL by psql, which is independent of what is tested.
    /// - Returns: what it printed: rows as lines, columns by `|`.
    @discardableResult
    package func query(_ sql: String, in database: String) async throws -> String {
        try await run(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--dbname",
            url(database), "--command", sql)
    }

    /// Whose confirmation a commit waits for; empty for nobody's.
    package func setSynchronousStandby(_ names: String) async throws {
        try await query("ALTER SYSTEM SET synchronous_standby_names = '\(names)'", in: "postgres")
        try await query("SELECT pg_reload_conf()", in: "postgres")
    }

    /// Runs one of PostgreSQL's programs as the owner of the cluster.
    @discardableResult
    package func run(_ program: String, _ arguments: String...) async throws -> String {
        let command = runner + Self.asOwner(Self.programs + program, arguments)
        let process = try PawlProcess(
            URL(filePath: command[0]), Array(command.dropFirst()),
            environment: ["LC_ALL": "C.UTF-8", "HOME": "/tmp"])
        let status = await process.end()
        guard status == 0 else {
            throw Failure(description: "\(command.joined(separator: " ")): \(process.printed)")
        }
        return process.printed.trimmingCharacters(in: .newlines)
    }

    /// As root it is run by an unprivileged user: PostgreSQL refuses root.
    package static func asOwner(_ program: String, _ arguments: [String]) -> [String] {
        (getuid() == 0 ? ["/usr/sbin/runuser", "-u", "nobody", "--"] : []) + [program] + arguments
    }

    package static func giveToOwner(_ path: String) throws {
        guard getuid() == 0, let nobody = unsafe getpwnam("nobody") else { return }
        guard unsafe chown(path, nobody.pointee.pw_uid, nobody.pointee.pw_gid) == 0 else {
            throw Failure(description: "\(path) cannot be given to nobody.")
        }
    }

    /// A port that was free a moment ago.
    package static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard bound else { throw Failure(description: "There is no port to be had.") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
