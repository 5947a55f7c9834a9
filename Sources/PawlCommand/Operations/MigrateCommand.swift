import ArgumentParser
import Foundation
import Logging
import NIOCore
import PawlAPI
import PawlCore
import PawlPostgres
import PawlSQL
import PawlSQLite
import PawlServer
import PawlTerminal
import Synchronization

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Move an installation to PostgreSQL; see and apply the steps that bring the tables up to date.",
        discussion: """
            Moving signs nobody out:  pawl migrate --from sqlite:pawl.sqlite --to postgres://…

            Set PAWL_TO instead of --to, and PAWL_FROM instead of --from, where the URL holds a password: other users of \
            the machine can read arguments.

            Run it while the server serves, as its user: it copies what is there. Then stop the server and run it again: it \
            copies only what has changed since, compares both databases, and releases the new one. Start the server with \
            --database postgres://… and the same master secret. A move that was broken off goes on where it was.

            A server applies the steps of status and up when it starts. Do it by hand to have it done, or to see it fail, \
            at another time; make a backup before.
            """,
        subcommands: [Status.self, Up.self])

    @Option(help: ArgumentHelp("The database to move from.", valueName: "sqlite:path")) var from: String?
    @Option(help: ArgumentHelp("The database to move to; an empty one.", valueName: "postgres://…")) var to: String?
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let from = from ?? environment["PAWL_FROM"], let to = to ?? environment["PAWL_TO"] else {
            throw CleanExit.helpRequest(self)
        }
        guard case .sqlite(let path) = try DatabaseLocation(from, setting: "--from"),
            case .postgres(let url) = try DatabaseLocation(to, setting: "--to")
        else { throw CommandError("A move goes from sqlite:PATH to postgres://….") }
        try RootPrivilege.giveUp(for: path)
        let logger = StoppedInstallation.logger
        let target = try await PostgresStore(url: url, connections: 3, purpose: .migrate, logger: logger)
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
            stopped = try await SQLiteStore(path: path, purpose: .operate, logger: logger)
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
            let reports = try await move.run()
            progress.withLock { $0?.end() }
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

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the steps, and when each was applied.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try await CommonSettings(SettingsReader(common: common))
            try settings.database.giveUpRoot()
            try output.show(try await migrations(settings, .inspect, common))
        }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply the steps to come, while no server runs.",
            discussion:
                "There is no way back but a backup: an older version refuses a database that a newer one changed.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try await CommonSettings(SettingsReader(common: common))
            try settings.database.giveUpRoot()
            try output.show(try await migrations(settings, .migrate, common))
        }
    }

    /// What the database says after it was opened for `purpose`; or the server that holds it, which has applied all at
    /// its start.
    ///
    /// Says on standard error which identifiers stay as an earlier version had them: before the steps are applied, which
    /// will.
    private static func migrations(
        _ settings: CommonSettings, _ purpose: OpenMode, _ options: CommonOptions
    ) async throws -> [StatusReport.Migration] {
        guard let store = try await StoppedInstallation.open(settings, purpose: purpose) else {
            return try await OperationsClient(options).get(PawlPath.adminStatus, answer: StatusReport.self).database
                .migrations
        }
        let (status, old) = (try await store.status(), try await store.oldIdentifiers())
        try await store.close()
        for identifier in old {
            FileHandle.standardError.write(Data("The identifier \(identifier) stays as it is.\n".utf8))
        }
        if !old.isEmpty { FileHandle.standardError.write(Data("Their owners sign in as before.\n".utf8)) }
        return StatusReport.Database(status).migrations
    }
}

extension OutputOptions {
    fileprivate func show(_ migrations: [StatusReport.Migration]) throws {
        try show(
            ["migrations": migrations], ["MIGRATION", "APPLIED"],
            migrations.map { [$0.name, $0.appliedAt ?? "to come"] })
    }
}
