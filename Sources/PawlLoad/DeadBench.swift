import ArgumentParser
import NIOCore
import PawlTerminal

struct DeadBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead", abstract: "Measure how fast dead refresh tokens are refused.",
        discussion: """
            Sends the tokens of a file again and again, each under a new name, and expects 401 every time: what a client \
            in a loop does, or somebody with a stolen list. Once a token's session has ended for a reason, the server \
            remembers it and looks nothing up any more; it says how often it did in pawl_commit_rotations_sum.

                pawl bench refresh --save spent --duration 1
                cp spent current && pawl bench refresh --seed current --save current --duration 5
                pawl bench dead --seed spent --requests 100000

            The tokens in `spent` are spent by then: on a server without leeway (--leeway 0) they end their sessions.
            """)

    @OptionGroup var bench: BenchOptions

    @Option(help: ArgumentHelp("A file of refresh tokens, one a line, as --save wrote it.", valueName: "file"))
    var seed: String

    @Option(help: ArgumentHelp("Stop after so many requests. (default: no limit)", valueName: "count"))
    var requests: Int?

    func run() async throws {
        try BenchOptions.check("--requests", requests, in: 1...1_000_000_000)
        let tokens = try SessionTokens(contentsOf: seed)
        guard tokens.count > 0 else { throw CommandError("\(seed) holds no tokens.") }
        try await Bench.run(bench) { bench in
            let (target, limit) = (bench.target, requests ?? .max)
            let dead = try await bench.driver.place { DeadWorkload(tokens, limit: limit, target: target) }
            let time = TimeAmount.seconds(Int64(bench.options.duration))
            let measurement = try await bench.driver.run(
                dead, limit: .time(time), respectsRetryAfter: false, progress: ProgressLine("dead", goal: .time(time)))
            try BenchReport(
                target: target, connections: bench.options.connections, sessions: tokens.count,
                lines: [.init("dead", measurement)], interrupted: bench.stop.isSet
            ).show(asJSON: bench.options.json)
            guard measurement.faulty == 0 else { throw ExitCode.failure }
        }
    }
}
