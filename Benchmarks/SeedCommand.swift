import ArgumentParser
import Foundation
import Logging
import PawlCore
import PawlPostgres
import PawlSQL
import PawlSQLite

/// A database with many sessions and their tokens, for `pawl bench refresh --seed`: signing a million users in would take
/// hours of hashing.
struct SeedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed", abstract: "Make a database with many sessions, and a file of their refresh tokens.")

    @Option(help: "How many.") var sessions = 1_000_000
    @Option(help: "Where to make the database: sqlite:PATH or postgres://…") var database: String
    @Option(help: "The file with the server's master secret.") var masterSecretFile: String
    @Option(help: "Where to write the tokens.") var tokens: String
    @Option(help: "Whose all of them are: a user's id.") var subject: String?

    func run() async throws {
        var rows = SeededRows()
        if let subject {
            guard let owner = SubjectID(subject) else { throw ValidationError("--subject takes a user's id.") }
            rows.owner = owner
        }
        let secrets = try MasterSecrets(parsing: try String(contentsOfFile: masterSecretFile, encoding: .utf8))
        let store = try await openStore(database)
        try await store.insertSeeded(rows, count: sessions)
        try await store.close()
        var text = ""
        text.reserveCapacity(sessions * (RefreshToken.textLength + 1))
        for number in 0..<sessions {
            text += (rows.token(number, 0, secrets: secrets).text(with: secrets) ?? "") + "\n"
        }
        guard
            FileManager.default.createFile(
                atPath: tokens, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw ValidationError("\(tokens) cannot be written.") }
    }
}

/// Opens a store for a measurement.
func openStore(_ database: String) async throws -> any RowStore {
    let logger = Logger(label: "benchmarks")
    guard database.hasPrefix("sqlite:") else { return try await PostgresStore(url: database, logger: logger) }
    return try await SQLiteStore(path: String(database.dropFirst("sqlite:".count)), logger: logger)
}

extension RowStore {
    func insertSeeded(_ rows: SeededRows, count: Int) async throws {
        for first in stride(from: 0, to: count, by: 10_000) {
            let slice = (first..<min(count, first + 10_000)).map { SessionRow.values(rows.session($0)) }
            try await put(slice, into: SessionRow.table)
        }
    }
}
