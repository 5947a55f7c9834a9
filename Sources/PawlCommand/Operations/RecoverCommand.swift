import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlTerminal

struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Decide what becomes of sessions after the database has lost writes.",
        discussion: """
            After a restored backup or a failover, clients hold newer refresh tokens than the database knows. For a day \
            they are told to come again. Within it, open lets their sessions go on; close, or the day's end, makes them \
            sign in again.
            """,
        subcommands: [Open.self, Status.self, Close.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what was lost, what was decided, and what became of the sessions.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try output.show(
                try await OperationsClient(common).get(PawlPath.adminRecovery, answer: RecoveryStatus.self))
        }
    }

    struct Open: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let sessions go on from the tokens that their clients hold, for a week or until close.",
            discussion: """
                Times are written like 2026-11-25T14:30:00Z. Sign-outs, disabled users and passwords changed in the lost \
                interval are undone, and anyone who holds a copy of a token from it may be the one to go on. Where that \
                matters, end sessions by --end-user and --end-since: that is done before anything is opened.
                """)

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Which incident, by its number. (default: the newest)") var incident: Int?
        @Option(
            help: ArgumentHelp(
                "Start of the lost interval, if you know it better than what was found.", valueName: "time"))
        var lostFrom: String?
        @Option(help: ArgumentHelp("End of the lost interval, if you know it better.", valueName: "time"))
        var lostUntil: String?
        @Option(help: ArgumentHelp("End all sessions of this user first; repeat for several.", valueName: "identifier"))
        var endUser: [String] = []
        @Option(help: ArgumentHelp("End the sessions that began since then first.", valueName: "time"))
        var endSince: String?

        func run() async throws {
            // Together: no server can start between what is ended and what is opened.
            let (status, ended) = try await OperationsClient(common).together { client in
                let ended = try await endSessions(client)
                // It counts what became of each session, which takes its time.
                let status = try await client.send(
                    .POST, PawlPath.adminRecovery,
                    RecoveryRequest(incident: incident, lostFrom: lostFrom, lostUntil: lostUntil),
                    answer: RecoveryStatus.self, patience: .hours(1))
                return (status, ended)
            }
            try output.show(status)
            warn(ended: ended)
        }

        /// - Returns: how many it ended.
        private func endSessions(_ client: OperationsClient) async throws -> Int {
            var ended = 0
            do {
                for user in endUser {
                    let path = try OperationsClient.path(PawlPath.adminUsers, user, "/sessions")
                    do {
                        ended += try await client.send(.DELETE, path, answer: EndedSessions.self).ended
                    } catch let error as CommandError {
                        throw CommandError("\(user): \(error.description)")
                    }
                }
                var next: String?
                guard let endSince else { return ended }
                repeat {
                    var path = "\(PawlPath.adminSessions)?since=\(try OperationsClient.escape(endSince))&limit=1000"
                    if let next { path += "&after=\(next)" }
                    let slice = try await client.send(.DELETE, path, answer: EndedSlice.self)
                    ended += slice.ended
                    next = slice.next
                } while next != nil
                return ended
            } catch {
                throw CommandError("\(error) Nothing was opened. Sessions that were ended before that: \(ended).")
            }
        }

        /// On standard error: with --json the output is the status alone.
        private func warn(ended: Int) {
            let lines = """
                \(ended) sessions were ended first.
                What was done in the lost interval is undone: sign-outs, ended sessions, disabled users, new passwords and
                roles. Do it again where you know of it: pawl user disable, pawl user set-password, pawl session revoke.

                """
            FileHandle.standardError.write(Data(lines.utf8))
        }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop waiting. Clients that still present a token from the lost interval must sign in again.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Which incident, by its number. (default: the newest)") var incident: Int?

        func run() async throws {
            let path = PawlPath.adminRecovery + (incident.map { "?incident=\($0)" } ?? "")
            try output.show(try await OperationsClient(common).send(.DELETE, path, answer: RecoveryStatus.self))
        }
    }
}

extension OutputOptions {
    fileprivate func show(_ status: RecoveryStatus) throws {
        if status.incidents.isEmpty && !json { return print("No lost writes are known.") }
        try show(
            status, ["INCIDENT", "STATE", "DETECTED", "LOST FROM", "LOST UNTIL", "OPENED", "CLOSES"],
            status.incidents.map {
                [
                    String($0.incident), $0.state, $0.detectedAt, $0.lostFrom, $0.lostUntil, $0.openedAt ?? "-",
                    $0.closesAt,
                ]
            })
        if json { return }
        print("Since the newest one: \(status.recovered) sessions went on, \(status.lost) are lost, ", terminator: "")
        print("\(status.silent) have not come yet.")
    }
}
