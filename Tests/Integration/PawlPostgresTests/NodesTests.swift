import PawlCore
import PawlJOSE
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

@Suite("Several nodes on one database", .timeLimit(.minutes(5)))
struct NodesTests {
    @Test func `nodes on one database that start at once on an empty database make its tables once`() async throws {
        try await withDatabase { server, database in
            try await withThrowingTaskGroup(of: PostgresStore.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await PostgresStore(
                            url: server.url(database), connections: 3, logger: LogCapture().logger)
                    }
                }
                for try await store in group {
                    #expect(try await store.status().migrations.allSatisfy { $0.appliedAt != nil })
                    await store.close()
                }
            }
        }
    }

    @Test func `nodes on one database of the next version and of this one run side by side`() async throws {
        try await withStore { old, database in
            let sessions = try await old.putSessions(3)
            #expect(try await old.rotate(TurnSample(of: sessions[0]).turn, under: .init()).verdict == .rotate)
            // What a next version may do: add, with a default.
            let server = try await PostgresServer.shared()
            try await server.query(
                """
                ALTER TABLE sessions ADD COLUMN colour text NOT NULL DEFAULT 'blue';
                ALTER TABLE users ADD COLUMN colour text;
                CREATE TABLE colours (name text PRIMARY KEY);
                INSERT INTO migrations (name, applied_at) VALUES ('9999-colours', 1);
                """, in: database)
            for store in [old, try await PostgresStore(url: server.url(database), logger: LogCapture().logger)] {
                let session = try #require(try await store.session(sessions[1].id))
                #expect(try await store.rotate(TurnSample(of: session).turn, under: .init()).verdict == .rotate)
                let user = try Sample.user("another \(store.node)")
                #expect(try await store.addUser(user, Event(.registered, at: Sample.start)))
                #expect(try await store.status().migrations.last?.name == "9999-colours")
                if store !== old { await store.close() }
            }
            try await server.query(
                "INSERT INTO migrations (name, applied_at) VALUES ('9999-end-breaking', 1)", in: database)
            let error = await #expect(throws: PostgresStoreError.self) {
                _ = try await PostgresStore(url: server.url(database), logger: LogCapture().logger)
            }
            #expect(error?.description.contains("newer version") == true)
        }
    }

    // FAULTS A8
    @Test(.tags(.p1))
    func `nodes bring identifiers of an earlier version under the rule, beside nodes of that version`()
        async throws
    {
        try await withDatabase { server, database in
            let rows = OldRows()
            let steps = Migration.all.filter { $0.name < Migration.identifiers }
            let values = rows.all.map {
                "('\($0.id)', '\($0.spelling.replacing("'", with: "''"))', \($0.createdAt), '\\x01', 1, 0, '', '')"
            }
            let names = steps.map { "('\($0.name)', 1)" }
            try await server.query(
                """
                CREATE TABLE migrations (name text COLLATE "C" NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);
                INSERT INTO migrations VALUES \(names.joined(separator: ", "));
                \(steps.map(\.sql).joined(separator: "\n"))
                """, in: database)
            // In slices: all of them are too long for an argument of a program.
            for start in stride(from: 0, to: values.count, by: 500) {
                let slice = values[start..<min(start + 500, values.count)].joined(separator: ", ")
                try await server.query("INSERT INTO users VALUES \(slice)", in: database)
            }
            let before = try await PostgresStore(
                url: server.url(database), connections: 3, purpose: .inspect, logger: LogCapture().logger)
            #expect(try await before.oldIdentifiers().map(\.spelling).sorted() == rows.old)
            #expect(try await before.status().migrations.last?.appliedAt == nil, "a look changes nothing")
            await before.close()
            try await withStore(url: server.url(database)) { store async throws in
                #expect(try await store.oldIdentifiers().map(\.spelling).sorted() == rows.old)
                try await rows.check(store)
                // A node of the earlier version goes on: it finds rows by their spelling, and adds some without a key.
                let found = try await server.query("SELECT id FROM users WHERE identifier = 'straße'", in: database)
                #expect(!found.isEmpty)
                let late = try Sample.user("Late@example.com")
                try await server.query(
                    """
                    INSERT INTO users (id, identifier, created_at, password, version, disabled, roles, scope)
                    VALUES ('\(late.id)', 'late@example.com', 1, '\\x01', 1, 0, '', '')
                    """, in: database)
                #expect(try await store.user(identifier: late.identifier)?.id == late.id)
                let twin = try Sample.user("ｌate@example.com")
                #expect(try await store.addUser(twin, Event(.registered, at: Sample.start)) == false)
            }
        }
    }

    @Test func `keep house one at a time, and one takes over from another that is gone`() async throws {
        try await withTwo { one, two async throws in
            let now = Sample.start
            #expect(try await one.takeHousekeepingLease(at: now))
            #expect(try await two.takeHousekeepingLease(at: now + 59) == false)
            #expect(try await one.takeHousekeepingLease(at: now + 59))
            #expect(try await two.takeHousekeepingLease(at: now + 118) == false)
            #expect(try await two.takeHousekeepingLease(at: now + 119))
            #expect(try await one.takeHousekeepingLease(at: now + 120) == false)
        }
    }

    @Test func `nodes make one signing key when all find one due`() async throws {
        try await withTwo { one, two async throws in
            let secrets = try MasterSecrets(newestFirst: [MasterSecret(Secret(Sample.bytes(1))).orThrow()])
            var nodes: [Engine] = []
            for store in [one, two, one, two] { nodes.append(try await .sample(on: store, secrets: secrets)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes { group.addTask { try await node.prepare() } }
                try await group.waitForAll()
            }
            #expect(try await one.signingKeys().count == 1)
            try await nodes[0].keys.rotate()
            try await nodes[1].keys.refresh()
            let published = nodes[1].keys.publicKeys.keys.map(\.kid)
            #expect(published.count == 2 && published == nodes[0].keys.publicKeys.keys.map(\.kid))
        }
    }

    @Test(.tags(.p7)) func `nodes refuse the access tokens of sessions that another has ended`() async throws {
        try await withTwo { one, two async throws in
            let clock = ManualClock()
            let secrets = try MasterSecrets(newestFirst: [MasterSecret(Secret(Sample.bytes(1))).orThrow()])
            var nodes: [Engine] = []
            for store in [one, two] { nodes.append(try await .sample(on: store, secrets: secrets, clock: clock)) }
            for node in nodes { try await node.prepare() }
            let credentials = Credentials(
                identifier: try Identifier("ana").orThrow(), password: try Password("correct horse battery").orThrow(),
                device: "")
            let grant = try await nodes[0].accounts.register(credentials, origin: Sample.origin, delivery: .body)
            _ = try await nodes[1].accessTokens.validate(grant.accessToken)
            try await nodes[0].sessions.signOut(
                PresentedToken(refreshToken: grant.refreshToken, delivery: .body, attempt: nil, origin: Sample.origin))
            try await nodes[1].revocations.follow()
            await #expect(throws: (any Error).self) { _ = try await nodes[1].accessTokens.validate(grant.accessToken) }
        }
    }

    @Test(arguments: [(-10, false), (-1, true), (0, true), (1, true), (10, false)])
    func `nodes are ready only if their clock is the database's`(offset: Int64, isReady: Bool) async throws {
        try await withDatabase { server, database in
            let clock = WallClock { WallClock.system.now + offset }
            try await withStore(url: server.url(database), clock: clock) { store async throws in
                if isReady {
                    try await store.ping()
                } else {
                    let error = await #expect(throws: StoreError.self) { try await store.ping() }
                    #expect(error?.description.contains("clock") == true)
                }
            }
        }
    }

    @Test func `nodes that follow the record of events miss no event, in any order of commits`() async throws {
        try await withTwo { one, two async throws in
            let count = 400
            async let writing: Void = withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    group.addTask {
                        try await (number.isMultiple(of: 2) ? one : two).append(
                            Event(.registered, at: Sample.start + Int64(number)))
                    }
                }
                try await group.waitForAll()
            }
            var seen: [Int64] = []
            var last: Int64 = 0
            while seen.count < count {
                for event in try await one.events(after: last, limit: 50) {
                    seen.append(event.event.at.age(since: Sample.start))
                    last = event.id
                }
            }
            try await writing
            #expect(Set(seen) == Set(0..<Int64(count)))
        }
    }

    @Test func `count the failures of an account together`() async throws {
        try await withTwo { one, two async throws in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let passed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        try await (number.isMultiple(of: 2) ? one : two).reserve(keys) == .granted
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(passed == 5)
        }
    }

    private func withTwo(_ work: (PostgresStore, PostgresStore) async throws -> Void) async throws {
        try await withStore { one, database in
            try await withStore(url: try await PostgresServer.shared().url(database)) { try await work(one, $0) }
        }
    }
}
