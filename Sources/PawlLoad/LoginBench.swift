import ArgumentParser
import NIOCore
import PawlTerminal

struct LoginBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Measure how many sign-ins a second the server takes.",
        discussion: """
            Makes a user for every two connections and signs them in again and again, at --rate or as fast as the \
            answers come. Each sign-in costs a password hash, so this measures the server's processors, and what it \
            does with more than they can carry: it answers 503, without having hashed, when 64 hashes wait. To see \
            that, use more than 64 connections. The driver does not heed Retry-After here, as a flood would not. All \
            answers are counted by status; latencies are those of the sign-ins that succeeded.

            What a flood does to everybody else, shown in two terminals:

                pawl bench refresh --attempts --duration 30
                pawl bench login --connections 192 --rate 600 --duration 30

            Every sign-in leaves a session in the database.
            """)

    @OptionGroup var bench: BenchOptions

    @Option(help: ArgumentHelp("Stop after so many sign-ins have succeeded. (default: no limit)", valueName: "count"))
    var sessions: Int?

    @Option(help: ArgumentHelp("Sign-ins to try a second. (default: as many as are answered)", valueName: "count"))
    var rate: Int?

    func run() async throws {
        try BenchOptions.check("--sessions", sessions, in: 1...10_000_000)
        try BenchOptions.check("--rate", rate, in: 1...1_000_000)
        try await Bench.run(bench) { bench in
            let (target, lanes) = (bench.target, bench.options.connections)
            let (rate, limit) = (rate, sessions ?? .max)
            let users = BenchUsers(
                named: bench.options.users, count: (lanes + BenchUsers.atOnce - 1) / BenchUsers.atOnce)
            _ = try await bench.prepare(users, sessions: users.count)
            guard !bench.stop.isSet else { return }
            let logins = try await bench.driver.place {
                LoginWorkload(users, lanes: lanes, rate: rate, limit: limit, target: target)
            }
            let time = TimeAmount.seconds(Int64(bench.options.duration))
            let measurement = try await bench.driver.run(
                logins, limit: .time(time), respectsRetryAfter: false,
                progress: ProgressLine("login", goal: .time(time)))
            try BenchReport(
                target: target, connections: lanes, lines: [.init("login", measurement)],
                interrupted: bench.stop.isSet
            ).show(asJSON: bench.options.json)
        }
    }
}
