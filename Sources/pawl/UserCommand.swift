import ArgumentParser
import PawlAPI
import PawlCore

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Change users of a running server.",
        discussion: "Needs the master secret and the operations listener; give the options that the server has.",
        subcommands: [Roles.self, Scope.self, Disable.self, Enable.self])

    struct Roles: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a user's roles.",
            discussion: "Access tokens carry them from the next refresh on, in all of the user's sessions.")

        @OptionGroup var common: CommonOptions
        @Argument(help: "Whom: what they sign in with.") var identifier: String
        @Argument(help: "All roles that they shall have; none takes them all away.") var roles: [String] = []

        func run() async throws {
            try await OperationsClient(common).change(identifier, UserChangeRequest(roles: roles))
        }
    }

    struct Scope: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a user's scope.",
            discussion: "Access tokens carry it from the next refresh on, in all of the user's sessions.")

        @OptionGroup var common: CommonOptions
        @Argument(help: "Whom: what they sign in with.") var identifier: String
        @Argument(help: "All scopes that they shall have; none takes them all away.") var scope: [String] = []

        func run() async throws {
            try await OperationsClient(common).change(identifier, UserChangeRequest(scope: scope))
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lock a user out and end all of their sessions at once.")

        @OptionGroup var common: CommonOptions
        @Argument(help: "Whom: what they sign in with.") var identifier: String

        func run() async throws {
            try await OperationsClient(common).change(identifier, UserChangeRequest(disabled: true))
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a disabled user sign in again.")

        @OptionGroup var common: CommonOptions
        @Argument(help: "Whom: what they sign in with.") var identifier: String

        func run() async throws {
            try await OperationsClient(common).change(identifier, UserChangeRequest(disabled: false))
        }
    }
}
