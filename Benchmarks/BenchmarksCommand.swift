import ArgumentParser

@main
struct BenchmarksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks", abstract: "What Pawl's parts cost, without HTTP.",
        discussion: "scripts/bench runs these together with pawl bench; Benchmarks/README.md has the figures.",
        subcommands: [PartsCommand.self, StoreCommand.self, SeedCommand.self])
}
