import ArgumentParser
import PawlLoad
import PawlServer

@main
struct PawlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pawl",
        abstract: "Keeps people signed in securely: short access tokens, refresh tokens that rotate, thieves caught.",
        discussion: """
            Start with:  pawl serve --database sqlite:pawl.sqlite --registration open

            Every option can also be set by an environment variable (--ops-port is PAWL_OPS_PORT) or in a JSON file
            (--config FILE, "ops-port": 8081). A flag wins over the environment, the environment over the file.
            """,
        version: "pawl \(Pawl.version)",
        subcommands: [
            ServeCommand.self, UserCommand.self, SessionCommand.self, KeyCommand.self, EventCommand.self,
            RecoverCommand.self, StatusCommand.self, DoctorCommand.self, BackupCommand.self, MoveCommand.self,
            MigrateCommand.self, BenchCommand.self,
        ])
}
