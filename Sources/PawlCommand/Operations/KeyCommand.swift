import ArgumentParser
import NIOHTTP1
import PawlAPI

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "See, rotate and retire signing keys, whether a server runs or not.",
        discussion: """
            Keys rotate by themselves (--key-period); these are for looking, and for emergencies.

            \(OperationsClient.whereItWorks)
            """,
        subcommands: [List.self, Rotate.self, Retire.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the signing keys, in the order in which they sign.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try output.show(try await OperationsClient(common).get(PawlPath.adminKeys, answer: KeyList.self))
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the next key now.", discussion: "It signs once verifiers have had the time to learn it.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try output.show(
                try await OperationsClient(common).send(.POST, PawlPath.adminKeys, answer: KeyList.self))
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take out a key that has leaked, at once.",
            discussion: """
                The server refuses its tokens from now on, and guards do once they read the key set again, 5 minutes at \
                the latest while the server answers. Nobody is signed out: clients get a new access token at their next \
                refresh.
                """)

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Argument(help: "The key's id: kid in access tokens.") var id: String

        func run() async throws {
            let path = try OperationsClient.path(PawlPath.adminKeys, id)
            try output.show(try await OperationsClient(common).send(.DELETE, path, answer: KeyList.self))
        }
    }
}

extension OutputOptions {
    fileprivate func show(_ list: KeyList) throws {
        try show(
            list, ["KEY", "ALGORITHM", "CREATED", "SIGNS FROM", "NOW"],
            list.keys.map { [$0.id, $0.algorithm, $0.createdAt, $0.activatesAt, $0.signs ? "signs" : "verifies"] })
    }
}
