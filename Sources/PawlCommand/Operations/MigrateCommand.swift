import ArgumentParser
import Foundation
import PawlAPI
import PawlCore
import PawlServer
import PawlTerminal

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "See and apply the steps that bring a database's tables up to date.",
        discussion: """
            A server applies them when it starts. Do it by hand to have it done, or to see it fail, at another time; make \
            a backup before. To move an installation to PostgreSQL, see: pawl move --help
            """,
        subcommands: [Status.self, Up.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the steps, and when each was applied.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try await CommonSettings(SettingsReader(common: common))
            try settings.giveUpRoot()
            try output.show(try await migrations(settings, .inspect, common))
        }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply the pending steps, while no server runs.",
            discussion: """
                There is no way back but a backup. An older version refuses a SQLite database that a newer one changed; on \
                PostgreSQL it goes on beside a newer one, unless a step says that it is breaking.
                """)

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try await CommonSettings(SettingsReader(common: common))
            try settings.giveUpRoot()
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
        guard let store = try await OfflineServer.open(settings, purpose: purpose) else {
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
            migrations.map { [$0.name, $0.appliedAt ?? "pending"] })
    }
}
