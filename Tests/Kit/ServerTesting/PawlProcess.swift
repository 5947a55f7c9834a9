package import Foundation
import Glibc
package import Synchronization

/// A real `pawl serve` (or another program) with all that it prints. Started by `posix_spawn` and watched by a thread
/// of its own: Foundation's `Process` now and then misses the end of one of many children.
package final class PawlProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }

    private struct State {
        var printed = ""
        var status: Int32?
    }

    package let pid: pid_t
    private let state = Mutex(State())
    /// One element whenever something was printed; its end is the process's.
    private let changes = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// Where the package's binaries are: beside the test runner.
    package static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    package static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    package convenience init(_ binary: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        try self.init(Self.binaries.appending(path: binary), arguments, environment: environment)
    }

    package init(_ executable: URL, _ arguments: [String], environment: [String: String] = [:]) throws {
        let environment = environment.merging(["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let (pid, input) = try Self.starting.withLock { _ in
            // Closed in other children, which would keep the pipe open for as long as they live; the lock is for the
            // moment before that is said.
            var ends: [Int32] = [0, 0]
            guard unsafe pipe(&ends) == 0 else { throw Failure(description: "The system gives no pipe.") }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { close(ends[1]) }
            let pid = try Self.spawn(
                executable.path, [executable.path] + arguments, environment.map { "\($0.key)=\($0.value)" },
                output: ends[1])
            return (pid, ends[0])
        }
        self.pid = pid
        Thread.detachNewThread { [self] in watch(input) }
    }

    package static let starting = Mutex(())

    private static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String], output: Int32
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        // This thread may block signals; the child must get its SIGTERM.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var strings = unsafe arguments.map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (strings + variables).forEach { unsafe free($0) } }
        var pid = pid_t()
        guard unsafe posix_spawn(&pid, path, &actions, &attributes, &strings, &variables) == 0 else {
            throw Failure(description: "\(path) cannot be started.")
        }
        return pid
    }

    /// Reads to the end of the output, then takes the exit status.
    private func watch(_ input: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe read(input, &buffer, buffer.count)
            guard count > 0 else { break }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            state.withLock { $0.printed += text }
            changes.continuation.yield()
        }
        close(input)
        var status: Int32 = 0
        unsafe waitpid(pid, &status, 0)
        // As a shell tells it: the exit code, or 128 and the signal.
        let result = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
        state.withLock { $0.status = result }
        changes.continuation.finish()
    }

    /// All that it printed so far, to both streams.
    package var printed: String { state.withLock { $0.printed } }

    /// Waits until it has printed `text`.
    package func waitUntilPrinted(_ text: String) async throws {
        if printed.contains(text) { return }
        for await _ in changes.stream where printed.contains(text) { return }
        guard printed.contains(text) else {
            throw Failure(description: "It ended without printing \(text): \(printed)")
        }
    }

    /// Waits for its end and returns its exit status.
    package func end() async -> Int32 {
        for await _ in changes.stream {}
        return state.withLock { $0.status ?? -1 }
    }

    /// From the kernel, in KiB.
    package var residentMemory: Int {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
        }
    }

    package var openFiles: Int {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }
    }

    /// Ends it as a loss of power would: no handler runs.
    package func killHard() async {
        kill(pid, SIGKILL)
        _ = await end()
    }

    package func signal(_ number: Int32) { kill(pid, number) }

    package func stop() async -> Int32 {
        kill(pid, SIGTERM)
        return await end()
    }

    /// Runs `pawl` to its end.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String) {
        let process = try PawlProcess("pawl", arguments, environment: environment)
        let status = await process.end()
        return (status, process.printed)
    }
}
