import ArgumentParser
import Foundation
import NIOCore
import PawlTerminal

struct RefreshBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Measure how many sessions a second can be refreshed.",
        discussion: """
            Starts sessions, deals them round over the connections, and refreshes them in random order, each with the \
            token that its last refresh gave. Every answer must be 200 with a new refresh token; everything else is \
            counted, and makes the command fail. A session that is answered 401 is left out from then on.

            Sessions cost a password hash each: 17 ms on half of the server's processors. Keep a large number of them:

                pawl bench refresh --sessions 100000 --save tokens
                pawl bench refresh --seed tokens --save tokens --attempts

            A token is good for one use. So save to the file that a run began with, or the next run will be taken for \
            a thief with copied tokens.

            With --baseline, refreshes and a GET of something that costs next to nothing take turns, two rounds each. \
            The ratio of their rates says what a refresh costs on top of HTTP, and can be compared between machines.

                pawl bench refresh --baseline http://127.0.0.1:8081/healthz
            """)

    @OptionGroup var bench: BenchOptions

    @Option(help: ArgumentHelp("Sessions to refresh. (default: 1000, or all of the seed)", valueName: "count"))
    var sessions: Int?

    @Flag(help: "Name each refresh by a new Idempotency-Key, as clients should, so that a repeat is safe.")
    var attempts = false

    @Option(help: ArgumentHelp("Take the sessions from a file that --save wrote.", valueName: "file"))
    var seed: String?

    @Option(
        help: ArgumentHelp(
            "Write the sessions' current refresh tokens at the end, one a line; only you can read the file.",
            valueName: "file"))
    var save: String?

    @Option(help: ArgumentHelp("Compare with GET of a path of the target, or of another URL.", valueName: "path|url"))
    var baseline: String?

    func run() async throws {
        try BenchOptions.check("--sessions", sessions, in: 1...10_000_000)
        if let sessions { try checkEnough(sessions) }
        try await Bench.run(bench) { bench in
            let other = try await comparison(bench)
            let tokens = try await tokens(bench)
            guard !bench.stop.isSet else { return try keep(tokens) }
            let count = min(sessions ?? tokens.count, tokens.count)
            try checkEnough(count)
            try await measure(bench, tokens, using: count, against: other)
        }
    }

    private func checkEnough(_ count: Int) throws {
        guard count < bench.connections else { return }
        throw CommandError("\(count) sessions are too few for \(bench.connections) connections: each needs its own.")
    }

    /// What to compare with, on the same connections if it is the same server.
    private func comparison(_ bench: Bench) async throws -> (target: BenchTarget, LoadDriver)? {
        guard let baseline else { return nil }
        let other = try bench.target.other(baseline, allowRemote: bench.options.allowRemote)
        guard other.authority != bench.target.authority else { return (other, bench.driver) }
        return (other, try await LoadDriver.connect(to: other, lanes: bench.options.connections, stop: bench.stop))
    }

    private func tokens(_ bench: Bench) async throws -> SessionTokens {
        if let seed { return try SessionTokens(contentsOf: seed) }
        let count = sessions ?? max(1000, bench.options.connections)
        // So many that a user's sessions are few, and so few that making users takes no time.
        let users = BenchUsers(named: bench.options.users, count: (count + 99) / 100)
        return try await bench.prepare(users, sessions: count)
    }

    private func measure(
        _ bench: Bench, _ tokens: SessionTokens, using count: Int, against other: (target: BenchTarget, LoadDriver)?
    ) async throws {
        let (target, lanes, attempts) = (bench.target, bench.options.connections, attempts)
        let refreshes = try await bench.driver.place {
            RefreshWorkload(tokens, using: count, lanes: lanes, namesAttempts: attempts, target: target)
        }
        var (refreshed, compared) = (Measurement(), Measurement())
        // Against a baseline two rounds each, in turns: a machine that grows slower meanwhile does so for both.
        let rounds = other == nil ? 1 : 2
        let time = TimeAmount.milliseconds(Int64(bench.options.duration * 1000 / rounds))
        for _ in 0..<rounds where !bench.stop.isSet {
            refreshed.merge(
                try await bench.driver.run(
                    refreshes, limit: .time(time), progress: ProgressLine("refresh", goal: .time(time))))
            guard let (target, driver) = other else { continue }
            let gets = try await driver.place { BaselineWorkload(target) }
            compared.merge(
                try await driver.run(gets, limit: .time(time), progress: ProgressLine("baseline", goal: .time(time))))
        }
        try keep(try await bench.driver.loop.submit { refreshes.value.current }.get())
        var lines = [BenchReport.Line("refresh", refreshed)]
        if let other { lines.append(.init("GET \(other.target.path)", compared)) }
        try BenchReport(
            target: target, connections: lanes, sessions: count, attempts: attempts, lines: lines,
            interrupted: bench.stop.isSet
        ).show(asJSON: bench.options.json)
        guard refreshed.faulty + compared.faulty == 0 else { throw ExitCode.failure }
    }

    private func keep(_ tokens: SessionTokens) throws {
        if let save { try tokens.save(to: save) }
    }
}
