import ArgumentParser
import Foundation
import NIOCore
import PawlTerminal
import UnixSignals

/// The common part of all measurements: a target, users, and an early end on Control-C.
struct Bench {
    let options: BenchOptions
    let target: BenchTarget
    let driver: LoadDriver
    let stop: StopSign

    /// - Parameter work: the measurement. The first interrupt asks it to end and show what it has; a second one ends
    ///   the process at once.
    static func run(_ options: BenchOptions, _ work: (Bench) async throws -> Void) async throws {
        try options.check()
        let target = try BenchTarget(options.target, allowRemote: options.allowRemote)
        guard target.path.isEmpty || target.path == "/" else {
            throw CommandError("--target takes a URL without a path, such as \(target).")
        }
        let stop = StopSign()
        let interrupts = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigint) {
                if stop.isSet { Foundation.exit(130) }
                stop.set()
            }
        }
        defer { interrupts.cancel() }
        let driver = try await LoadDriver.connect(to: target, lanes: options.connections, stop: stop)
        try await work(Bench(options: options, target: target, driver: driver, stop: stop))
        if stop.isSet { throw ExitCode(130) }
    }

    /// Signs users in until there are `sessions` of them, and says how to use the users again.
    func prepare(_ users: BenchUsers, sessions: Int) async throws -> SessionTokens {
        let (target, lanes) = (target, options.connections)
        let preparation = try await driver.place {
            PreparationWorkload(users, sessions: sessions, lanes: lanes, target: target)
        }
        _ = try await driver.run(
            preparation, limit: .patience(.seconds(90)), respectsRetryAfter: false,
            progress: ProgressLine("Preparing sessions", goal: .answers(sessions)))
        let (tokens, failure) = try await driver.loop.submit {
            (preparation.value.tokens, preparation.value.failure)
        }.get()
        if let failure { throw failure }
        guard tokens.count == sessions || stop.isSet else {
            throw CommandError("Nobody could be signed in for 90 s; \(tokens.count) of \(sessions) sessions were made.")
        }
        note("Users: \(users.count), to be used again with --users \(users.name)")
        return tokens
    }

    /// For people, and apart from the results.
    func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}
