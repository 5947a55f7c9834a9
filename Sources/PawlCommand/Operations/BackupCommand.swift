import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1
import PawlAPI

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write a copy of the database to a new file, whether a server runs or not.",
        discussion: """
            The server writes the file, as its own user and with mode 0600: choose a folder that it may write to. When \
            the command ends well, the copy is complete, on disk and looked through; otherwise there is no file. It \
            holds everything that was acknowledged before, and needs the master secret, which is not in it: keep a copy \
            of that elsewhere.

            Example:  pawl backup /var/backups/pawl-$(date +%F).sqlite

            To restore it: stop the server, put the file in the place of the database, and remove the -wal and -shm \
            files there; see docs/operations.md.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "A file that is not there yet.", completion: .file()) var file: String

    func run() async throws {
        // The server's working directory is another one.
        let path = URL(filePath: file).standardizedFileURL.path
        let isTerminal = isatty(STDERR_FILENO) == 1
        // The line of progress makes room for what comes next, an error too.
        defer { if isTerminal { Self.write("") } }
        let report = try await OperationsClient(common).together { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                if isTerminal { group.addTask { try await Self.showProgress(of: client) } }
                defer { group.cancelAll() }
                return try await client.send(
                    .POST, PawlPath.adminBackup, BackupRequest(file: path), answer: BackupReport.self,
                    patience: .hours(24))
            }
        }
        try output.show(
            report, ["FILE", "SIZE", "SESSIONS", "SECONDS"],
            [[report.file, size(report.bytes), String(report.sessions), String(report.seconds)]])
    }

    /// A line on the terminal, written over each second.
    private static func showProgress(of client: OperationsClient) async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            let state = try await client.get(PawlPath.adminBackup, answer: BackupState.self)
            guard let done = state.done, let total = state.total else {
                write(state.phase)
                continue
            }
            write("\(state.phase): \(100 * done / max(1, total)) %")
        }
    }

    /// Writes over the line.
    private static func write(_ line: String) { FileHandle.standardError.write(Data("\r\u{1B}[K\(line)".utf8)) }
}
