import Foundation
import GRDB
import PawlCore
import PawlTesting
import Testing

@testable import PawlSQLite

@Suite("Opening a database", .timeLimit(.minutes(5)))
struct OpeningTests {
    @Test(.tags(.p4))
    func `commits are flushed to disk before they are acknowledged`() async throws {
        try await TemporaryDatabase().withStore { store in
            let (mode, synchronous) = try await store.pool.writeWithoutTransaction { db in
                (try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"))
            }
            #expect(mode == "wal")
            #expect(synchronous == 2, "FULL")
        }
    }

    @Test(.tags(.p3))
    func `nobody else may read its files`() async throws {
        let database = try TemporaryDatabase()
        let folder = database.folder
        try await database.withStore { store in
            try await store.append(Event(.registered, at: Sample.start))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            #expect(names == ["pawl.db", "pawl.db-shm", "pawl.db-wal", "pawl.db.lock"])
            for name in names {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
        }
    }

    @Test func `a second process is refused and told why`() async throws {
        let database = try TemporaryDatabase()
        let first = try await database.open()
        let error = await #expect(throws: SQLiteStoreError.self) { _ = try await database.open() }
        #expect(error?.description.contains("Another process is using this database") == true)
        try await first.ping()
        try await first.close()
    }

    // FAULTS F5
    @Test func `a database with a second name is refused under both, before and while it is served`() async throws {
        let database = try TemporaryDatabase()
        let (path, other) = (database.path, database.folder.appending(path: "other.db").path)
        try await database.withStore { store in
            try FileManager.default.linkItem(atPath: path, toPath: other)
            for name in [other, path] {
                let error = await #expect(throws: SQLiteStoreError.self) {
                    _ = try await SQLiteStore(path: name, logger: LogCapture().logger)
                }
                #expect(error?.description.contains("has 2 names (hard links)") == true)
                #expect(error?.description.contains("find") == true)
            }
            #expect(FileStatus(path: other + ".lock") == nil)
            #expect(throws: SQLiteStoreError.self) { try ServedSQLite(path: other) }
            try await store.ping()
        }
        let error = await #expect(throws: SQLiteStoreError.self) { _ = try await database.open() }
        #expect(error?.description.contains("hard links") == true)
        try FileManager.default.removeItem(atPath: other)
        try await database.withStore { try await $0.ping() }
    }

    // FAULTS D1
    @Test(
        .tags(.p12), arguments: ["", "-wal", "-shm", "-journal", ".lock"],
        ["link", "dangling", "hard", "pipe", "folder"])
    func `what stands in the place of one of its files is neither opened nor changed`(
        suffix: String, kind: String
    ) async throws {
        let database = try TemporaryDatabase()
        let (path, other) = (database.path + suffix, database.folder.path + "/other")
        if !suffix.isEmpty {
            try await database.withStore { try await $0.ping() }
            unsafe unlink(path)
        }
        let text = Data(String(repeating: "not Pawl's\n", count: 9).utf8)
        if kind != "dangling" { try text.write(to: URL(filePath: other)) }
        switch kind {
        case "link", "dangling": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: other)
        case "hard": try FileManager.default.linkItem(atPath: other, toPath: path)
        case "pipe": try #require(unsafe mkfifo(path, 0o600) == 0)
        default: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        for purpose in [OpenMode.serve, .inspect] {
            let error = await #expect(throws: SQLiteStoreError.self) {
                _ = try await SQLiteStore(path: database.path, purpose: purpose, logger: LogCapture().logger)
            }
            // A link leads to a file that is no database.
            let words = suffix.isEmpty && kind == "link" ? "as a database" : path
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
        #expect((try? Data(contentsOf: URL(filePath: other))) == (kind == "dangling" ? nil : text))
    }

    @Test func `the lock is free again once the store is gone`() async throws {
        let database = try TemporaryDatabase()
        try await database.withStore { try await $0.ping() }
        try await database.withStore { try await $0.ping() }
    }

    @Test(.tags(.p4))
    func `what was written is there after reopening`() async throws {
        let database = try TemporaryDatabase()
        let user = try Sample.user("owner")
        let session = try Sample.session(of: user, 1)
        let turn = TurnSample(of: session).turn
        let key = SealedSigningKey(
            id: "a", algorithm: "ES256", seal: Sample.bytes(3), createdAt: Sample.start, activatesAt: Sample.start)
        try await database.withStore { store async throws in
            #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
            #expect(try await store.startSession(session, ifUserVersionIs: 1, Sample.started(session)))
            #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
            #expect(try await store.addSigningKey(key, ifKeysAre: [], Event(.keyCreated, at: Sample.start)))
        }
        try await database.withStore { store async throws in
            #expect(try await store.user(user.id) == user)
            #expect(try await store.session(session.id) == session.turned(by: turn))
            #expect(try await store.signingKeys() == [key])
            #expect(
                try await store.events(since: Sample.start, kinds: Set(Event.Kind.allCases), limit: 10).map(\.kind)
                    == [.registered, .sessionStarted, .keyCreated])
        }
    }

    @Test(.tags(.p4))
    func `what was acknowledged is in the files at that moment`() async throws {
        // A copy of the files of a running store is what a crash would leave behind.
        let database = try TemporaryDatabase()
        let crashed = try TemporaryDatabase()
        let user = try Sample.user("owner")
        let session = try Sample.session(of: user, 1)
        let turn = TurnSample(of: session).turn
        let store = try await database.open()
        #expect(try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id)))
        #expect(try await store.startSession(session, ifUserVersionIs: 1, Sample.started(session)))
        #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: database.path + suffix, toPath: crashed.path + suffix)
        }
        try await store.close()
        try await crashed.withStore { store async throws in
            #expect(try await store.session(session.id) == session.turned(by: turn))
        }
    }

    @Test func `a database that a newer version has changed is refused`() async throws {
        let database = try TemporaryDatabase()
        try await database.withStore { store in
            try await store.pool.write { try $0.execute(sql: "INSERT INTO migrations VALUES ('9999-future', 0)") }
        }
        let error = await #expect(throws: SQLiteStoreError.self) { _ = try await database.open() }
        #expect(error?.description.contains("A newer version of Pawl") == true)
    }

    private static func withoutCurrentAttempt(_ session: Session) -> Session {
        var session = session
        session.chain.currentAttempt = nil
        return session
    }

    @Test func `a database of the first version goes up, with what is in it`() async throws {
        let database = try TemporaryDatabase()
        let user = try Sample.user("owner")
        let session = try Self.withoutCurrentAttempt(Sample.session(of: user, 1))
        let first = Migration.all[0]
        let keys = try Sample.throttleKeys("owner", "192.0.2.7")
        try await DatabaseQueue(path: database.path).write { db in
            try db.execute(sql: first.sql)
            try db.execute(
                sql: """
                    CREATE TABLE migrations (name TEXT NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL);
                    INSERT INTO migrations VALUES ('0001-initial', 1);
                    """)
            try db.execute(
                sql: """
                    INSERT INTO sessions (id, subject, client_id, delivery, created_at, absolute_expires_at, auth_time,
                        amr, scope, roles, device, ip, user_agent, generation, hash, seal, attempt_1, attempt_3,
                        rotated_at, idle_expires_at, step_up_failures, turned_by)
                    VALUES (?1, ?2, 'first-party', 'body', ?3, ?4, ?3, 'pwd', 'read', 'member', 'device 1', '192.0.2.7',
                        'Sample/1', 3, ?5, ?6, 7, 9, ?3, ?7, 0, 'refresh')
                    """,
                arguments: [
                    session.id.data, session.subject.data, session.createdAt.seconds,
                    session.deadlines.absolute.seconds,
                    session.chain.hash.data, session.chain.seal.data, session.deadlines.idle.seconds,
                ])
            let pair = try #require(keys.keys[.pair])
            try db.execute(
                sql: "INSERT INTO login_throttle VALUES (?, 5, ?, ?)",
                arguments: [pair.data, Sample.start.seconds, Sample.start.seconds + 86400])
        }
        try await database.withStore { store async throws in
            #expect(try await store.session(session.id) == session)
            #expect(try await store.dataLossRecord() == DataLossRecord())
            #expect(try await store.reserve(keys) == .wait(1))
            #expect(try await store.reserve(keys, at: Sample.start + 1) == .granted)
            let turn = TurnSample(of: session).turn
            #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
            #expect(try await store.session(session.id) == session.turned(by: turn))
            let applied = try await store.pool.read { db in
                try String.fetchAll(db, sql: "SELECT name FROM migrations ORDER BY name")
            }
            #expect(applied == Migration.all.map(\.name))
        }
    }

    // FAULTS A8
    @Test(.tags(.p1)) func `identifiers of an earlier version come under the rule, and collisions are reported first`()
        async throws
    {
        let database = try TemporaryDatabase()
        let rows = OldRows()
        try await DatabaseQueue(path: database.path).write { db in
            try db.execute(sql: "CREATE TABLE migrations (name TEXT NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL)")
            for migration in Migration.all where migration.name < Migration.identifiers {
                try db.execute(sql: migration.sql)
                try db.execute(sql: "INSERT INTO migrations VALUES (?, 1)", arguments: [migration.name])
            }
            for row in rows.all {
                try db.execute(
                    sql: "INSERT INTO users VALUES (?, ?, ?, x'01', 1, 0, '', '')",
                    arguments: [row.id.data, row.spelling, row.createdAt])
            }
        }
        let path = database.path
        func report(_ purpose: OpenMode, _ logs: LogCapture = .init()) async throws -> [String] {
            let store = try await SQLiteStore(path: path, purpose: purpose, logger: logs.logger)
            let old = try await store.oldIdentifiers()
            let isUpToDate = try await store.status().migrations.allSatisfy { $0.appliedAt != nil }
            #expect(isUpToDate == (purpose == .serve), "a look changes nothing")
            try await store.close()
            return old.map(\.spelling).sorted()
        }
        #expect(try await report(.inspect) == rows.old)
        let logs = LogCapture()
        #expect(try await report(.serve, logs) == rows.old)
        #expect(logs.text.contains("Identifiers of an earlier version stay as they are"))
        #expect(rows.old.allSatisfy { !logs.text.contains($0) })
        try await database.withStore { store async throws in try await rows.check(store) }
    }

    @Test func `what operates on a database makes none, and brings none up to date`() async throws {
        let database = try TemporaryDatabase()
        let path = database.path
        func open(_ purpose: OpenMode) async throws -> DatabaseStatus {
            let store = try await SQLiteStore(path: path, purpose: purpose, logger: LogCapture().logger)
            // The kernel's list of locks may pass over one while others come and go.
            try await waitUntil("the lock") { ProcessLock.holder(of: path) == Int(getpid()) }
            let status = try await store.status()
            try await store.close()
            return status
        }
        for purpose in [OpenMode.operate, .inspect, .migrate] {
            let error = await #expect(throws: SQLiteStoreError.self) { _ = try await open(purpose) }
            #expect(error?.code == .absent)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: database.folder.path).isEmpty)

        try Data().write(to: URL(filePath: database.path))
        let error = await #expect(throws: SQLiteStoreError.self) { _ = try await open(.operate) }
        #expect(error?.description.contains("pawl migrate up") == true)
        let outdated = try await open(.inspect).migrations
        #expect(outdated.map(\.name) == Migration.all.map(\.name))
        #expect(outdated.allSatisfy { $0.appliedAt == nil })
        #expect(try await open(.migrate).migrations.allSatisfy { $0.appliedAt != nil })
        #expect(try await open(.operate).isDurable)
    }

    @Test func `migrations have names in their order, each its own`() {
        let names = Migration.all.map(\.name)
        #expect(names == Array(Set(names)).sorted())
    }

    @Test func `what is no database is refused, and left as it is`() async throws {
        let database = try TemporaryDatabase()
        let text = Data(String(repeating: "not a database ", count: 1000).utf8)
        try text.write(to: URL(filePath: database.path))
        let error = await #expect(throws: SQLiteStoreError.self) { _ = try await database.open() }
        #expect(error?.description.contains(database.path) == true)
        #expect(try Data(contentsOf: URL(filePath: database.path)) == text)
    }

    @Test func `a folder that is not there is named`() async throws {
        let database = try TemporaryDatabase()
        let path = database.folder.appending(path: "none/pawl.db").path
        let error = await #expect(throws: SQLiteStoreError.self) {
            _ = try await SQLiteStore(path: path, logger: LogCapture().logger)
        }
        #expect(error?.description.contains(path) == true)
    }

    @Test(.tags(.p3))
    func `a failure's description holds no row's content`() {
        let error = DatabaseError(
            resultCode: .SQLITE_CONSTRAINT, message: "UNIQUE constraint failed", sql: "INSERT INTO users",
            arguments: ["somebody@example.com"])
        let description = StoreError(hiding: error).description
        #expect(description.contains("UNIQUE"))
        #expect(!description.contains("somebody"))
        #expect(!StoreError(hiding: Leaky()).description.contains("hunter2"))
    }

    private struct Leaky: Error { let password = "hunter2" }
}
