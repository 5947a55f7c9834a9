import Foundation
import GRDB
import PawlCore
import PawlTesting
import Synchronization
import Testing

@testable import PawlSQLite

@Suite("Backup of a database in use", .timeLimit(.minutes(5)))
struct BackupTests {
    /// Enough pages for several steps.
    private func fill(_ store: SQLiteStore) async throws {
        try await store.pool.write { db in
            for number in 0..<4000 {
                try SQLiteStore.insert(
                    Event(
                        .registered, at: Sample.start + Int64(number),
                        details: ["filler": String(repeating: "x", count: 600)]), in: db)
            }
        }
    }

    @Test(.tags(.p4))
    func `turns go on during a backup, and the copy holds what was acknowledged`() async throws {
        let database = try TemporaryDatabase()
        let copy = try TemporaryDatabase()
        let user = try Sample.user("owner")
        let session = try Sample.session(of: user, 1)
        let first = TurnSample(of: session).turn
        let steps = Mutex<[BackupProgress]>([])
        let verdicts = Mutex<[Verdict]>([])
        let path = copy.path
        try await database.withStore { store in
            try await fill(store)
            #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
            #expect(try await store.startSession(session, ifUserVersionIs: 1, Sample.started(session)))
            #expect(try await store.rotate(first, under: .init()).verdict == .rotate)
            let before = try await store.latestEvents(limit: 5000)

            let summary = try await store.backup(to: path) { progress in
                let index = steps.withLock { steps in
                    steps.append(progress)
                    return steps.count
                }
                // Between two steps of the copy a turn commits, and a page that was copied already changes.
                guard case .copying = progress else { return }
                let next = TurnSample(of: session.turned(by: first), successor: UInt64(100 + index))
                    .with { $0.generation += UInt32(index - 1) }
                let hash = index == 1 ? next.hash : Sample.bytes(UInt64(100 + index - 1))
                let outcome = try? await store.rotate(next.with { $0.hash = hash }.turn, under: .init())
                verdicts.withLock { $0 += [outcome?.verdict].compactMap { $0 } }
            }
            #expect(summary.sessions == 1)
            #expect(summary.bytes == SQLiteStore.size(of: path))
            #expect(try await store.latestEvents(limit: 5000) == before)
        }
        let turned = verdicts.withLock { $0 }
        #expect(turned.count > 2 && turned.allSatisfy { $0 == .rotate })
        #expect(steps.withLock { $0.last } == .checking)
        let names = try FileManager.default.contentsOfDirectory(atPath: copy.folder.path)
        #expect(names == ["pawl.db"], "one file, complete by itself")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try await copy.withStore { store in
            // The turn after the last step is not in it; those before are.
            let copied = try await store.session(session.id)
            #expect(copied?.chain.generation == session.chain.generation + 1 + UInt32(turned.count - 1))
            #expect(try await store.user(user.id) == user)
            #expect(try await store.latestEvents(limit: 5000).count == 4002)
            #expect(try await store.findDamage().isEmpty)
        }
    }

    @Test func `a backup replaces nothing, and takes no name that belongs to the database`() async throws {
        let database = try TemporaryDatabase()
        try await database.withStore { store in
            let taken = database.folder.appending(path: "taken").path
            try Data("mine".utf8).write(to: URL(filePath: taken))
            let link = database.folder.appending(path: "link").path
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/nowhere")
            for (path, reason) in [
                (taken, "is there already"), (link, "is there already"),
                (store.pool.path, "belongs to the database"), (store.pool.path + "-journal", "belongs to the database"),
                (database.folder.path + "/../" + database.folder.lastPathComponent + "/pawl.db-wal", "belongs to"),
                ("relative.sqlite", "absolute path"), (database.folder.path + "/", "absolute path"),
                ("/nowhere/at/all", "Choose a folder"),
            ] {
                let error = await #expect(throws: BackupError.self) { _ = try await store.backup(to: path) { _ in } }
                #expect(error?.description.contains(reason) == true, "\(path): \(error?.description ?? "")")
            }
            #expect(try Data(contentsOf: URL(filePath: taken)) == Data("mine".utf8))
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: database.folder.path)
        #expect(!names.contains { $0.contains("partial") })
    }

    @Test func `one that is broken off leaves nothing, and the store goes on`() async throws {
        let database = try TemporaryDatabase()
        let path = database.folder.appending(path: "copy").path
        try await database.withStore { store in
            try await fill(store)
            let (started, announce) = AsyncStream<Void>.makeStream()
            let (resumed, resume) = AsyncStream<Void>.makeStream()
            let backup = Task {
                try await store.backup(to: path) { _ in
                    announce.yield()
                    for await _ in resumed { return }
                }
            }
            for await _ in started { break }
            backup.cancel()
            resume.yield()
            await #expect(throws: BackupError.self) { _ = try await backup.value }
            try await store.append(Event(.registered, at: Sample.start))
            _ = try await store.backup(to: path) { _ in }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: database.folder.path)
        #expect(!names.contains { $0.contains("partial") })
        #expect(names.contains("copy"))
    }

    @Test func `a damaged page is found, and no copy of it is made`() async throws {
        let database = try TemporaryDatabase()
        try await database.withStore { try await fill($0) }
        let file = try FileHandle(forUpdating: URL(filePath: database.path))
        try file.seek(toOffset: 4096 * 200)
        try file.write(contentsOf: Data(repeating: 0x5A, count: 4096))
        try file.close()
        try await database.withStore { store async throws in
            #expect(try await !store.findDamage().isEmpty)
            let path = database.folder.appending(path: "copy").path
            let error = await #expect(throws: BackupError.self) { _ = try await store.backup(to: path) { _ in } }
            #expect(error?.description.contains("damaged") == true)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    // FAULTS D1
    @Test(.tags(.p12), arguments: [(0o700, true), (0o755, true), (0o1777, true), (0o777, false), (0o770, false)])
    func `a backup goes into no folder where others could replace it while it is written`(mode: Int, isTaken: Bool)
        async throws
    {
        let database = try TemporaryDatabase()
        let copy = try TemporaryDatabase()
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: copy.folder.path)
        let path = copy.path
        try await database.withStore { store in
            do {
                _ = try await store.backup(to: path) { _ in }
                #expect(isTaken)
            } catch let error as BackupError {
                #expect(!isTaken && error.description.contains("chmod 700"), "\(error)")
            }
        }
        #expect((FileStatus(path: path) != nil) == isTaken)
    }
}
