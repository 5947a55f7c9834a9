package import ArgumentParser

package struct BenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure a running server.",
        discussion: """
            Drives a server over plain HTTP as many clients at once and says how many requests a second it answers, \
            how fast, and which ones it did not answer as it should. Use it to size a machine.

            It makes users of its own, all with one password that anybody can read in the source, and the server must \
            let it: start one on a database for the purpose.

                pawl serve --database sqlite:bench.sqlite --registration open --network-failures 0
                pawl bench refresh --sessions 1000 --duration 10 --attempts

            Server and driver share the machine's processors; what the driver took is said at the end. Every \
            connection waits for an answer before it sends the next request, so --connections is how many are under \
            way at once.
            """,
        subcommands: [RefreshBench.self, LoginBench.self, DeadBench.self])

    package init() {}
}
