import ArgumentParser
import NIOHTTP1
import PawlAPI

struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "See and end sessions, whether a server runs or not.",
        discussion: OperationsClient.whereItWorks,
        subcommands: [List.self, Show.self, Revoke.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List a user's live sessions, newest first.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Argument(help: "Whose: what they sign in with.") var identifier: String
        @Option(help: "Begin after this session.") var after: String?
        @Option(help: "At most so many, up to 1000.") var limit = 100

        func run() async throws {
            var path = try OperationsClient.path(PawlPath.adminUsers, identifier, "/sessions") + "?limit=\(limit)"
            if let after { path += "&after=" + (try OperationsClient.escape(after)) }
            let list = try await OperationsClient(common).get(path, answer: SessionList.self)
            try output.show(
                list, ["SESSION", "DEVICE", "ADDRESS", "LAST USED", "EXPIRES", "USER AGENT"],
                list.sessions.map { [$0.id, $0.device, $0.ip, $0.lastUsedAt, $0.expiresAt, $0.userAgent] })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a session; ended ones are kept for a week.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Argument(help: "Its id: sid in access tokens.") var id: String

        func run() async throws {
            let path = try OperationsClient.path(PawlPath.adminSessions, id)
            let answer = try await OperationsClient(common).get(path, answer: AdminSession.self)
            let session = answer.session
            try output.show(
                answer, ["FIELD", "VALUE"],
                [
                    ["session", session.id], ["subject", answer.subject], ["device", session.device],
                    ["address", session.ip], ["user agent", session.userAgent], ["created", session.createdAt],
                    ["last used", session.lastUsedAt], ["expires", session.expiresAt],
                    ["generation", String(answer.generation)],
                    ["ended", answer.endedAt.map { "\($0), \(answer.endReason ?? "")" } ?? "no"],
                ])
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a session, or all sessions of a user, at once.")

        @OptionGroup var common: CommonOptions
        @Argument(help: "The session's id.") var id: String?
        @Option(help: "All sessions of this user.") var user: String?

        func validate() throws {
            guard (id == nil) != (user == nil) else { throw ValidationError("Give a session's id, or --user.") }
        }

        func run() async throws {
            let client = try await OperationsClient(common)
            if let user {
                let path = try OperationsClient.path(PawlPath.adminUsers, user, "/sessions")
                let answer = try await client.send(.DELETE, path, answer: EndedSessions.self)
                print("\(answer.ended) sessions ended")
            } else if let id {
                try await client.send(.DELETE, OperationsClient.path(PawlPath.adminSessions, id), [])
                print("ended")
            }
        }
    }
}
