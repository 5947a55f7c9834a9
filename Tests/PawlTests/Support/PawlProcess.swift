import Foundation
import Synchronization

/// A real `pawl serve` (or another binary of the package) on free ports, with everything in a temporary folder.
final class PawlProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let process: Process
    private let output: Mutex<String> = Mutex("")
    private let lines = AsyncStream<String>.makeStream()
    private let exit = AsyncStream<Int32>.makeStream()

    /// Where the package's binaries are: beside the test runner.
    static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    convenience init(_ binary: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        try self.init(Self.binaries.appending(path: binary), arguments, environment: environment)
    }

    init(_ executable: URL, _ arguments: [String], environment: [String: String] = [:]) throws {
        process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.environment = environment.merging(["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        pipe.fileHandleForReading.readabilityHandler = { [self] handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                lines.continuation.finish()
                return
            }
            let text = String(decoding: data, as: UTF8.self)
            output.withLock { $0 += text }
            lines.continuation.yield(text)
        }
        process.terminationHandler = { [exit] in
            exit.continuation.yield($0.terminationStatus)
            exit.continuation.finish()
        }
        try process.run()
    }

    /// All that it printed so far, to both streams.
    var printed: String { output.withLock { $0 } }

    /// Waits until it has printed `text`.
    func waitUntilPrinted(_ text: String) async throws {
        if printed.contains(text) { return }
        for await _ in lines.stream where printed.contains(text) { return }
        guard printed.contains(text) else {
            throw Failure(description: "It ended without printing \(text): \(printed)")
        }
    }

    /// Waits for its end and returns its exit status. Blocks no thread: there are only two for all tests.
    func end() async -> Int32 {
        for await _ in lines.stream {}
        for await status in exit.stream { return status }
        return process.terminationStatus
    }

    /// Ends it as a loss of power would: no handler runs.
    func killHard() async {
        kill(process.processIdentifier, SIGKILL)
        _ = await end()
    }

    func stop() async -> Int32 {
        process.terminate()
        return await end()
    }

    /// Runs `pawl` to its end.
    static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String) {
        let process = try PawlProcess("pawl", arguments, environment: environment)
        let status = await process.end()
        return (status, process.printed)
    }
}
