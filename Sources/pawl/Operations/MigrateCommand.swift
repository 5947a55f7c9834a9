import ArgumentParser
import PawlAPI
import PawlCore
import PawlServer

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "See and apply the steps that bring the tables up to date.",
        discussion: """
            The server applies them when it starts. Do it by hand to have it done, or to see it fail, at another time; \
            make a backup before.
            """,
        subcommands: [Status.self, Up.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the steps, and when each was applied.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let settings = try await CommonSettings(SettingsReader(common: common))
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
            try output.show(try await migrations(settings, .migrate, common))
        }
    }

    /// What the database says after it was opened for `purpose`; or the server that holds it, which has applied all at
    /// its start.
    private static func migrations(
        _ settings: CommonSettings, _ purpose: StorePurpose, _ options: CommonOptions
    ) async throws -> [StatusReport.Migration] {
        guard let store = try await StoppedInstallation.open(settings, purpose: purpose) else {
            return try await OperationsClient(options).get(PawlPath.adminStatus, answer: StatusReport.self).database
                .migrations
        }
        let status = try await store.status()
        try await store.close()
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
