import ArgumentParser
import Foundation
import Logging
import NIOCore
import PawlCore
import PawlPostgres
import PawlSQL
import PawlSQLite
import PawlTerminal
import Synchronization

struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Move an installation from SQLite to PostgreSQL, signing nobody out.",
        discussion: """
            Example:  pawl move --from sqlite:pawl.sqlite --to postgres://db1/pawl

            Other users of the machine can read arguments. Where the URL holds a password, set PAWL_TO instead of --to, or \
            write {"to": "postgres://…"} into a file of mode 0600 and give --config.

            Run it while the server serves, as its user: it copies what is there. Then stop the server and run it again: it \
            copies only what has changed since, compares both databases, and releases the new one. Start the server with \
            --database postgres://… and the same master secret. A move that was broken off goes on where it was.
            """)

    @Option(help: ArgumentHelp("The database to move from.", valueName: "sqlite:path")) var from: String?
    @Option(help: ArgumentHelp("The database to move to; an empty one.", valueName: "postgres://…")) var to: String?
    @Option(help: ArgumentHelp("A JSON file with \"from\" and \"to\".", valueName: "file")) var config: String?
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let file = try config.map { try SettingsReader.values(in: $0, known: ["from", "to"]) } ?? [:]
        guard let from = from ?? environment["PAWL_FROM"] ?? file["from"]?.text,
            let to = to ?? environment["PAWL_TO"] ?? file["to"]?.text
        else { throw CleanExit.helpRequest(self) }
        guard case .sqlite(let path) = try DatabaseLocation(from, setting: "--from"),
            case .postgres(let url) = try DatabaseLocation(to, setting: "--to")
        else { throw CommandError("A move goes from sqlite:PATH to postgres://….") }
        try RootPrivilege.giveUp(for: path)
        let logger = OfflineServer.logger
        let target = try await PostgresStore(url: url, connections: 3, purpose: .move, logger: logger)
        do {
            let (reports, isServed) = try await move(from: path, to: target, logger)
            await target.close()
            try show(reports, isServed: isServed)
        } catch {
            await target.close()
            throw error
        }
    }

    /// - Returns: what was copied, and whether a server still serves the source.
    private func move(
        from path: String, to target: PostgresStore, _ logger: Logger
    ) async throws -> ([InstallationCopy.Report], isServed: Bool) {
        let stopped: SQLiteStore?
        do {
            stopped = try await SQLiteStore(path: path, purpose: .move, logger: logger)
        } catch let error as SQLiteStoreError where error.code == .inUse {
            stopped = nil
        }
        do {
            let progress = Mutex<ProgressLine?>(nil)
            let start = ContinuousClock.now
            let source: any RowSource = try stopped ?? ServedSQLite(path: path)
            let move = InstallationCopy(from: source, stopped: stopped, to: target) { rows in
                progress.withLock {
                    $0?.show(good: rows, elapsed: .nanoseconds(Int64((.now - start) / .nanoseconds(1))))
                }
            }
            let total = try await move.count()
            progress.withLock { $0 = ProgressLine("Rows copied and compared", goal: .answers(max(1, total))) }
            defer { progress.withLock { $0?.end() } }
            let reports = try await move.run()
            try await stopped?.close()
            return (reports, stopped == nil)
        } catch {
            try await stopped?.close()
            throw error
        }
    }

    private func show(_ reports: [InstallationCopy.Report], isServed: Bool) throws {
        let lines = reports.map { report in
            [
                "table": report.table, "rows": String(report.rows), "changes": String(report.changes),
                "sha256": report.digest, "same": report.isSame ? "yes" : "not yet",
            ]
        }
        try output.show(
            ["tables": lines], ["TABLE", "ROWS", "CHANGES", "SAME", "SHA-256"],
            reports.map {
                [
                    $0.table, String($0.rows), String($0.changes), $0.isSame ? "yes" : "not yet",
                    String($0.digest.prefix(16)),
                ]
            })
        let next =
            isServed
            ? """
            A server still serves the old database. When you are ready, stop it and run this again: it copies what has \
            changed since. Until then no server starts on the new one.

            """
            : """
            All of it is there. Start the server with --database and the URL that you gave, and with the same master \
            secret. None starts on the old database any more: its sessions go on in the new one.

            """
        FileHandle.standardError.write(Data(next.utf8))
    }
}
