import GRDB
import PawlCore
import PawlSQL
import PawlTesting
import Testing

@testable import PawlSQLite

@Suite("Rows that a disk has damaged", .timeLimit(.minutes(5)))
struct DamagedRowTests {
    /// SQLite keeps any type in any column, and a flipped bit changes the type as well as the value.
    @Test(arguments: ["x'FF00'", "'text'", "-9223372036854775808", "9223372036854775807", "1e300", "x''"])
    func `any value in any column is read or refused, and never stops the process`(value: String) async throws {
        let user = try Sample.user("owner")
        let session = try Sample.session(of: user, 1)
        let turn = TurnSample(of: session).turn
        let columns = SessionRow.names.dropFirst()
        try await TemporaryDatabase().withStore { store async throws in
            #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
            for column in columns {
                try await store.pool.write { db in
                    try SQLiteStore.replace(session, in: db)
                    try db.execute(sql: "UPDATE sessions SET \(column) = \(value)")
                }
                do throws(StoreError) {
                    _ = try await store.session(session.id)
                    _ = try await store.liveSessions(of: user.id, at: Sample.start)
                    _ = try await store.rotate(turn, under: .init())
                    _ = try await store.deleteSessions(
                        endedBefore: Sample.start, after: nil, limit: 10, at: Sample.start)
                } catch {
                    // Refused: the other way to be right. The wrong one would end this process.
                }
            }
            for column in ["created_at", "password", "version", "disabled", "roles", "scope"] {
                try await store.pool.write { try $0.execute(sql: "UPDATE users SET \(column) = \(value)") }
                _ = try await store.user(user.id)
            }
        }
    }
}
