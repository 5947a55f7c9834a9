import ArgumentParser
import NIOHTTP1
import PawlAPI

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "See and change users, whether a server runs or not.",
        discussion: OperationsClient.whereItWorks,
        subcommands: [
            Add.self, List.self, Show.self, Disable.self, Enable.self, SetPassword.self, Roles.self, Scope.self,
        ])

    /// Whom a command is about.
    struct Target: ParsableArguments {
        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Argument(help: "Whom: what they sign in with.") var identifier: String

        /// - Parameter change: may read the input, which must not happen before the client is there.
        func change(_ change: @autoclosure () throws -> UserChangeRequest) async throws {
            let path = try OperationsClient.path(PawlPath.adminUsers, identifier)
            let client = try await OperationsClient(common)
            let user = try await client.send(.PATCH, path, try change(), answer: UserDescription.self)
            try show([user], as: user)
        }

        func show(_ users: [UserDescription], as value: some Encodable) throws { try output.show(users, as: value) }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a user.", discussion: "The password is asked for, or read as the first line of the input.")

        @OptionGroup var target: Target
        @Option(help: "A role; repeat for several.") var role: [String] = []
        @Option(help: "A scope; repeat for several.") var scope: [String] = []

        func run() async throws {
            let client = try await OperationsClient(target.common)
            let request = NewUserRequest(
                identifier: target.identifier, password: try readPassword(), roles: role, scope: scope)
            let user = try await client.send(.POST, PawlPath.adminUsers, request, answer: UserDescription.self)
            try target.show([user], as: user)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List users, in the order of their identifiers.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Begin after this identifier.") var after: String?
        @Option(help: "At most so many, up to 1000.") var limit = 100

        func run() async throws {
            var path = "\(PawlPath.adminUsers)?limit=\(limit)"
            if let after { path += "&after=" + (try OperationsClient.escape(after)) }
            let list = try await OperationsClient(common).get(path, answer: UserList.self)
            try output.show(list.users, as: list)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a user.")

        @OptionGroup var target: Target

        func run() async throws {
            let path = try OperationsClient.path(PawlPath.adminUsers, target.identifier)
            let user = try await OperationsClient(target.common).get(path, answer: UserDescription.self)
            try target.show([user], as: user)
        }
    }

    struct Roles: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a user's roles.",
            discussion: "Access tokens carry them from the next refresh on, in all of the user's sessions.")

        @OptionGroup var target: Target
        @Argument(help: "All roles that they shall have; none takes them all away.") var roles: [String] = []

        func run() async throws { try await target.change(UserChangeRequest(roles: roles)) }
    }

    struct Scope: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a user's scope.",
            discussion: "Access tokens carry it from the next refresh on, in all of the user's sessions.")

        @OptionGroup var target: Target
        @Argument(help: "All scopes that they shall have; none takes them all away.") var scope: [String] = []

        func run() async throws { try await target.change(UserChangeRequest(scope: scope)) }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lock a user out and end all of their sessions at once.")

        @OptionGroup var target: Target

        func run() async throws { try await target.change(UserChangeRequest(disabled: true)) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a disabled user sign in again.")

        @OptionGroup var target: Target

        func run() async throws { try await target.change(UserChangeRequest(disabled: false)) }
    }

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a user's password and end all of their sessions.",
            discussion: "The password is asked for, or read as the first line of the input.")

        @OptionGroup var target: Target

        func run() async throws { try await target.change(UserChangeRequest(password: try readPassword())) }
    }
}

extension OutputOptions {
    fileprivate func show(_ users: [UserDescription], as value: some Encodable) throws {
        let rows = users.map { user in
            [
                user.identifier, user.subject, user.roles.joined(separator: ","), user.scope.joined(separator: ","),
                user.disabled ? "disabled" : "enabled", user.createdAt,
            ]
        }
        try show(value, ["IDENTIFIER", "SUBJECT", "ROLES", "SCOPE", "STATE", "CREATED"], rows)
    }
}
