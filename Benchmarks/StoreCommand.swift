import ArgumentParser
import Foundation
import Logging
import PawlCore
import PawlSQL
import PawlSQLite

/// Rotations on the store alone, durable, many at once.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Measure durable rotations, without HTTP and without cryptography.")

    @Option(help: "Where to make the database; it may hold what seed has made. (default: SQLite, for now alone)")
    var database: String?
    @Option(help: "Rows in the table.") var sessions = 1_000_000
    @Option(help: "Rotations under way at once.") var tasks = 64
    @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds")) var duration = 10
    @Option(help: "Turn each session so often instead, however long it takes.") var turns: Int?
    @Option(help: "KiB of the page cache of SQLite's writer; the server's is 32768.") var cache = 32768

    func run() async throws {
        let rows = SeededRows()
        let folder = try TemporaryFolder()
        let store = try await openStore(database ?? "sqlite:" + folder.path("store.sqlite"))
        if try await store.count(of: SessionRow.table) == 0 { try await store.insertSeeded(rows, count: sessions) }
        let sqlite = store as? SQLiteStore
        try await sqlite?.setWriterCache(kibibytes: cache)
        let (sessions, tasks, turns) = (sessions, tasks, turns)
        let start = ContinuousClock.now
        let end = start + .seconds(duration)
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var generations = [UInt32](repeating: 0, count: sessions / tasks)
                    var generator = SystemRandomNumberGenerator()
                    var times: [Double] = []
                    func turn(_ place: Int) async throws {
                        let begin = ContinuousClock.now
                        try await rows.rotate(place * tasks + task, at: &generations[place], on: store)
                        times.append((ContinuousClock.now - begin).microseconds)
                    }
                    guard let turns else {
                        while ContinuousClock.now < end {
                            try await turn(Int.random(in: generations.indices, using: &generator))
                        }
                        return times
                    }
                    for round in 0..<turns {
                        for place in generations.indices.shuffled(using: &generator) { try await turn(place) }
                        // The last round's times stand for all.
                        if round < turns - 1 { times.removeAll(keepingCapacity: true) }
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let seconds = (ContinuousClock.now - start).microseconds / 1e6
        try await store.close()
        func milliseconds(_ share: Double) -> String {
            (times[min(times.count - 1, Int(share * Double(times.count)))] / 1000).formatted(
                .number.precision(.fractionLength(2)).locale(Locale(identifier: "en_US")))
        }
        print(
            """
            \(Int(Double(turns.map { $0 * times.count } ?? times.count) / seconds)) rotations/s on \(sessions) rows, \(tasks) at once\(sqlite == nil ? "" : ", \(cache) KiB of cache"); \
            p50 \(milliseconds(0.5)) ms, p99 \(milliseconds(0.99)) ms, max \(milliseconds(1)) ms
            """)
    }
}
