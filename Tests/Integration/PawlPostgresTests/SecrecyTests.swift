import Foundation
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

/// Anyone who has the whole database, its journal and all logs has nothing that opens anything.
@Suite("What PostgreSQL's files give away", .tags(.p3), .timeLimit(.minutes(5)))
struct SecrecyTests {
    @Test func `the database's files hold no token, password, attempt or key, in any spelling`() async throws {
        let server = try await PostgresServer(
            settings: ["log_statement=all", "log_parameter_max_length=0"], journalSegment: 1)
        let database = try await server.makeDatabase()
        let logs = LogCapture()
        try await withStore(url: server.url(database)) { store in
            let secrets = try await BusyRun.run(on: store, logs)
            try await server.query("CHECKPOINT", in: database)
            let number = try await server.query(
                "SELECT oid FROM pg_database WHERE datname = '\(database)'", in: "postgres")
            let written =
                try content(of: server.data + "/base/\(number)") + content(of: server.data + "/pg_wal")
                + content(of: server.folder.path + "/log") + Data(logs.text.utf8)
            for secret in secrets {
                for spelling in BusyRun.spellings(of: secret.bytes) {
                    #expect(written.range(of: spelling) == nil, "\(secret.name)")
                }
            }
            // The search finds what is there.
            #expect(written.range(of: Data("ana@example.com".utf8)) != nil)
            #expect(written.range(of: Data("session_reused".utf8)) != nil)
        }
        await server.remove()
    }

    /// Of a file, or of all files in a folder.
    private func content(of path: String) throws -> Data {
        let folder = URL(filePath: path)
        let files =
            try folder.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true
            ? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
            : [folder]
        return try files.filter { !$0.hasDirectoryPath }.reduce(into: Data()) { $0 += try Data(contentsOf: $1) }
    }
}
