import ArgumentParser
import Foundation
import PawlAPI
import PawlCore

struct EventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event", abstract: "See what happened to accounts and sessions.",
        discussion: OperationsClient.whereItWorks, subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the newest events, oldest first; with --follow, go on as they happen.")

        @OptionGroup var common: CommonOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "At most so many, up to 1000.") var limit = 50
        @Flag(help: "Go on until interrupted; with --json, an object a line.") var follow = false

        func run() async throws {
            let client = try await OperationsClient(common)
            if follow { try await client.requireServer("Nothing happens while none runs: leave out --follow.") }
            let list = try await client.get("\(PawlPath.adminEvents)?limit=\(limit)", answer: EventList.self)
            let header = ["NUMBER", "AT", "KIND", "SUBJECT", "SESSION", "ADDRESS", "DETAILS"]
            guard follow else { return try output.show(list, header, list.events.map(\.row)) }
            var last = Int64(0)
            var fresh = list.events
            while true {
                for event in fresh {
                    if output.json {
                        try output.show(event, [], [])
                    } else {
                        print(event.row.joined(separator: "  ").unmasked)
                    }
                    last = event.id
                }
                fflush(nil)  // into a pipe they would wait for more
                // A page that is not full was the newest.
                if fresh.count < Self.page { try await Task.sleep(for: .seconds(1)) }
                fresh = await Self.next(after: last, client)
            }
        }

        private static let page = 1000

        /// What came since. A server that starts again, or a database that is away, is waited for.
        private static func next(after last: Int64, _ client: OperationsClient) async -> [EventDescription] {
            do {
                let path = "\(PawlPath.adminEvents)?after=\(last)&limit=\(page)"
                return try await client.get(path, answer: EventList.self).events
            } catch {
                FileHandle.standardError.write(Data("\(error) This is tried again.\n".utf8))
                return []
            }
        }
    }
}

extension EventDescription {
    fileprivate var row: [String] {
        [
            String(id), at, kind, subject ?? "-", session ?? "-", ip ?? "-",
            details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "),
        ]
    }
}
