import ArgumentParser
import PawlTerminal

/// The options that all measurements share.
struct BenchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where the server listens; plain HTTP.", valueName: "url"))
    var target = "http://127.0.0.1:8080"

    @Option(help: ArgumentHelp("Requests under way at once, each on a connection of its own.", valueName: "count"))
    var connections = 64

    @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds"))
    var duration = 10

    @Option(
        help: ArgumentHelp(
            """
            Use the users NAME-0, NAME-1, … of an earlier run, which said their name, and make those that are missing. \
            (default: new ones)
            """, valueName: "name"))
    var users: String?

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    @Flag(help: "Allow a target that is not this machine. Only for a server of your own that nobody needs meanwhile.")
    var allowRemote = false

    /// Everything is bounded, so that a slip of the finger does not run for ever or fill the memory.
    func check() throws {
        try Self.check("--connections", connections, in: 1...10_000)
        try Self.check("--duration", duration, in: 1...86_400)
        // Goes into requests and lines as it stands.
        guard users?.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) != nil || users == nil else {
            throw CommandError("--users takes 1 to 64 letters, digits, dots and dashes, such as bench-k3f9qa.")
        }
    }

    static func check(_ name: String, _ value: Int?, in range: ClosedRange<Int>) throws {
        guard let value, !range.contains(value) else { return }
        throw CommandError("\(name) takes a number from \(range.lowerBound) to \(range.upperBound), not \(value).")
    }
}
