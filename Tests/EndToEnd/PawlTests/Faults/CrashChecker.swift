import Foundation
import GRDB
import Logging
import PawlCore
import PawlPostgres
import Testing

@testable import PawlSQLite

/// Compares the clients' journals with what a crash has left of the database: of SQLite, in a copy of its files.
struct CrashChecker {
    private let place: Workplace
    private let copy: URL

    init(_ place: Workplace) throws {
        self.place = place
        copy = place.folder.appending(path: "copy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    }

    func check(_ clients: [CrashClient], round: Int) async throws {
        let secrets = try MasterSecrets(parsing: String(contentsOfFile: place.secretFile, encoding: .utf8))
        let store = try await open()
        try await check(clients, round: round, in: store, secrets)
        try await store.close()
        try? FileManager.default.removeItem(at: copy)  // the whole folder goes in the end
    }

    private func open() async throws -> any Store {
        let logger = Logger(label: "checker")
        guard place.database.hasPrefix("sqlite:") else {
            return try await PostgresStore(url: place.database, connections: 3, logger: logger)
        }
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: place.folder.path + "/p.sqlite" + suffix, toPath: copy.path + "/p.sqlite" + suffix)
        }
        let store = try await SQLiteStore(path: copy.path + "/p.sqlite", logger: logger)
        let health = try await store.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        #expect(health == ["ok"])
        return store
    }

    private func check(
        _ clients: [CrashClient], round: Int, in store: any Store, _ secrets: MasterSecrets
    ) async throws {
        for client in clients {
            let told = Comment("round \(round), \(client.name): \(client.journal)")
            for text in client.journal.ended {
                let token = try #require(RefreshToken(authenticating: text, with: secrets))
                #expect(try await store.session(token.sessionID)?.ending?.reason == .signedOut, told)
            }
            guard let text = client.journal.token else { continue }
            let token = try #require(RefreshToken(authenticating: text, with: secrets))
            let session = try #require(try await store.session(token.sessionID), told)
            switch client.journal.pending {
            case .signOut where session.ending != nil:
                #expect(session.ending?.reason == .signedOut, told)
            case .refresh where session.chain.generation == token.generation + 1,
                .newPassword where session.chain.generation == token.generation + 1:
                #expect(session.ending == nil, told)  // committed, and the answer was lost
            default:
                #expect(session.ending == nil && session.chain.generation == token.generation, told)
                #expect(session.chain.hash == token.hash, told)
            }
        }
    }
}
