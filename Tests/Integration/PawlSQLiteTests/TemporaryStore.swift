import Foundation
import PawlSQLite
import PawlTesting

/// A database in a folder of its own that is gone after the test.
struct TemporaryDatabase: ~Copyable {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pawl-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var path: String { folder.appending(path: "pawl.db").path }

    func open() async throws -> SQLiteStore { try await SQLiteStore(path: path, logger: LogCapture().logger) }

    /// Opens it, and closes it after `work`.
    func withStore(_ work: (SQLiteStore) async throws -> Void) async throws {
        let store = try await open()
        do {
            try await work(store)
        } catch {
            try await store.close()
            throw error
        }
        try await store.close()
    }
}
