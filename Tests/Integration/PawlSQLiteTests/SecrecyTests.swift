import Foundation
import PawlJOSE
import PawlSQLite
import PawlTesting
import Testing

@testable import PawlCore

/// Anyone who has the whole database and all logs has nothing that opens anything.
@Suite("What the files give away", .tags(.p3), .timeLimit(.minutes(5)))
struct SecrecyTests {
    @Test func `the database's files hold no token, password, attempt or key, in any spelling`() async throws {
        let database = try TemporaryDatabase()
        let folder = database.folder
        let logs = LogCapture()
        try await database.withStore { store in
            let secrets = try await BusyRun.run(on: store, logs)
            let written = try Self.content(of: folder) + Data(logs.text.utf8)
            for secret in secrets {
                for spelling in BusyRun.spellings(of: secret.bytes) {
                    #expect(written.range(of: spelling) == nil, "\(secret.name)")
                }
            }
            // The search finds what is there.
            #expect(written.range(of: Data("ana@example.com".utf8)) != nil)
            #expect(written.range(of: Data("session_reused".utf8)) != nil)
        }
    }

    private static func content(of folder: URL) throws -> Data {
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.contains { $0.lastPathComponent.hasSuffix("-wal") })
        return try files.reduce(into: Data()) { $0 += try Data(contentsOf: $1) }
    }
}
