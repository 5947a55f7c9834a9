import Foundation
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlServer
import PawlTesting
import Testing

@Suite("Operations over HTTP", .timeLimit(.minutes(5)))
struct OperationsTests {
    /// A server whose operator the test is.
    func operate(_ body: @escaping @Sendable (LiveServer, Operator) async throws -> Void) async throws {
        let secrets = try LiveServer.freshSecrets()
        var options = LiveServer.Options()
        options.secrets = secrets
        try await LiveServer.run(options) { server in
            try await body(server, Operator(server: server, secrets: secrets))
        }
    }

    struct Operator: Sendable {
        let server: LiveServer
        let secrets: MasterSecrets

        func send(
            _ method: HTTPMethod, _ path: String, _ body: String = "", signing signed: String? = nil
        ) async throws -> TestAPI.Answer {
            let subject = OperationsCredential.Subject(
                method: method.rawValue, path: signed ?? path, body: [UInt8](body.utf8))
            var headers = TestAPI.json
            headers["Authorization"] = OperationsCredential.header(
                for: subject, secrets: secrets, at: server.clock.now)
            return try await server.send(method, path, headers: headers, body: [UInt8](body.utf8))
        }
    }

    @Test
    func `A statement that the database refuses is a problem for the doctor, and the server is not ready`() async throws
    {
        var options = LiveServer.Options()
        let store = ObservedStore()
        options.store = store
        try await LiveServer.run(options) { server in
            #expect(try await server.send(.GET, PawlPath.readiness).status == 200)
            store.fail([.tryStatements])
            #expect(try await server.send(.GET, PawlPath.readiness).status == 503)
            let findings = await Diagnosis(
                store: store, secrets: try LiveServer.freshSecrets(), configuration: server.pawl.configuration,
                passwords: InstantHasher(),
                clock: server.clock.clock, isServing: true, patience: .seconds(20)
            ).findings()
            let finding = try #require(findings.first { $0.check == "statements" })
            #expect(finding.level == .problem && finding.advice?.contains("docs/scale.md") == true)
        }
    }

    // FAULTS B3
    @Test
    func `An operator's list of a user's sessions is paged`() async throws {
        try await operate { server, operate in
            _ = try await server.register("alice@example.com")
            for _ in 1...3 { _ = try await server.login("alice@example.com") }
            let path = "\(PawlPath.adminUsers)/alice%40example.com/sessions"
            let first = try await operate.send(.GET, path + "?limit=3").decode(SessionList.self)
            let next = try #require(first.next)
            #expect(first.sessions.count == 3 && next == first.sessions[2].id)
            let second = try await operate.send(.GET, path + "?limit=3&after=\(next)").decode(SessionList.self)
            #expect(second.sessions.count == 1 && second.next == nil)
        }
    }

    @Test
    func `Operations need a credential made with the master secret, for this request and this minute`() async throws {
        let secrets = try LiveServer.freshSecrets()
        var options = LiveServer.Options()
        options.secrets = secrets
        try await LiveServer.run(options) { server in
            _ = try await server.register("alice@example.com")
            let path = "\(PawlPath.adminUsers)/alice%40example%2Ecom"
            let body = [UInt8]("{\"roles\":[\"admin\"]}".utf8)
            func change(_ header: String?, _ content: [UInt8]) async throws -> TestAPI.Answer {
                var headers = TestAPI.json
                headers["Authorization"] = header
                return try await server.send(.PATCH, path, headers: headers, body: content)
            }
            let subject = OperationsCredential.Subject(method: "PATCH", path: path, body: body)
            let good = OperationsCredential.header(for: subject, secrets: secrets, at: server.clock.now)
            let foreign = OperationsCredential.header(
                for: subject, secrets: try LiveServer.freshSecrets(), at: server.clock.now)
            #expect(try await change(nil, body).status == 401)
            #expect(try await change(foreign, body).status == 401)
            #expect(try await change(good, [UInt8]("{\"roles\":[\"root\"]}".utf8)).status == 401)
            #expect(try await change(good, body).status == 200)
            server.clock.advance(by: 61)
            #expect(try await change(good, body).status == 401)
            #expect(try await server.send(.GET, PawlPath.health).status == 200)
            #expect(try await server.send(.GET, PawlPath.readiness).status == 200)
        }
    }

    @Test
    func `Every route of the operator asks for the credential, and one for another path or query does not serve`()
        async throws
    {
        try await operate { server, root in
            for (method, path) in [
                (HTTPMethod.GET, PawlPath.adminUsers), (.POST, PawlPath.adminUsers), (.GET, "/admin/users/a"),
                (.PATCH, "/admin/users/a"), (.GET, "/admin/users/a/sessions"), (.DELETE, "/admin/users/a/sessions"),
                (.GET, "/admin/sessions/a"), (.DELETE, "/admin/sessions/a"), (.GET, PawlPath.adminKeys),
                (.POST, PawlPath.adminKeys), (.DELETE, "/admin/keys/a"), (.GET, PawlPath.adminEvents),
                (.DELETE, PawlPath.adminSessions), (.GET, PawlPath.adminRecovery), (.POST, PawlPath.adminRecovery),
                (.DELETE, PawlPath.adminRecovery),
                (.GET, PawlPath.adminStatus), (.GET, PawlPath.adminDoctor), (.GET, PawlPath.adminBackup),
                (.POST, PawlPath.adminBackup),
            ] {
                #expect(try await server.send(method, path).status == 401, "\(method) \(path)")
                let other = try await root.send(method, path + "?limit=1000", signing: path)
                #expect(other.status == 401, "\(method) \(path)")
            }
        }
    }

    @Test
    func `An operator adds users while registration is closed to others, lists them, and sets passwords`() async throws
    {
        try await operate { server, root in
            let added = try await root.send(
                .POST, PawlPath.adminUsers,
                #"{"identifier":"Zoë@example.com","password":"correct horse battery","roles":["admin"]}"#)
            #expect(added.status == 201)
            #expect(!added.text.contains("password"))
            _ = try await server.register("alice@example.com")
            let list = try await root.send(.GET, PawlPath.adminUsers).decode(UserList.self)
            #expect(list.users.map(\.identifier) == ["alice@example.com", "Zoë@example.com"])
            let page = try await root.send(.GET, "\(PawlPath.adminUsers)?after=alice%40example.com&limit=1")
            #expect(try page.decode(UserList.self).users.map(\.identifier) == ["Zoë@example.com"])

            let tokens = try await server.login("Zoë@example.com").tokens
            let path = "\(PawlPath.adminUsers)/zo%C3%AB%40example.com"
            #expect(try await root.send(.PATCH, path, #"{"password":"short"}"#).status == 400)
            #expect(try await root.send(.PATCH, path, #"{"password":"wrong donkey capacitor"}"#).status == 200)
            #expect(try await server.refresh(tokens.refreshToken).problem.reason == "revoked")
            #expect(try await server.login("zoë@example.com").status == 401)
            #expect(try await server.login("zoë@example.com", password: "wrong donkey capacitor").status == 200)
            #expect(try await root.send(.GET, "\(PawlPath.adminUsers)/nobody").status == 404)
        }
    }

    @Test(.tags(.p7))
    func `An operator sees a user's sessions and ends one or all`() async throws {
        try await operate { server, root in
            let laptop = try await server.register("alice", device: "Laptop")
            let phone = try await server.login("alice").tokens
            let list = try await root.send(.GET, "\(PawlPath.adminUsers)/alice/sessions").decode(SessionList.self)
            #expect(Set(list.sessions.map(\.id)) == [laptop.sessionID, phone.sessionID])
            let path = "\(PawlPath.adminSessions)/\(laptop.sessionID)"
            #expect(try await root.send(.GET, path).decode(AdminSession.self).endReason == nil)
            #expect(try await root.send(.DELETE, path).status == 204)
            #expect(try await root.send(.GET, path).decode(AdminSession.self).endReason == "revoked")
            #expect(try await server.refresh(laptop.refreshToken).status == 401)
            #expect(try await server.get("/guarded", laptop).status == 401)
            let all = try await root.send(.DELETE, "\(PawlPath.adminUsers)/alice/sessions").decode(EndedSessions.self)
            #expect(all.ended == 1)
            #expect(try await server.refresh(phone.refreshToken).status == 401)
        }
    }

    @Test(.tags(.p2))
    func `A rotated key is published before it signs; a retired one is refused at once, and nobody is signed out`()
        async throws
    {
        try await operate { server, root in
            let tokens = try await server.register("alice")
            let old = try #require(try await root.send(.GET, PawlPath.adminKeys).decode(KeyList.self).keys.first)
            #expect(old.signs)
            let two = try await root.send(.POST, PawlPath.adminKeys).decode(KeyList.self).keys
            #expect(two.map(\.signs) == [true, false])
            #expect(try await server.send(.GET, PawlPath.keys).text.contains(two[1].id))

            let left = try await root.send(.DELETE, "\(PawlPath.adminKeys)/\(old.id)").decode(KeyList.self).keys
            #expect(!left.contains { $0.id == old.id })
            #expect(left.filter(\.signs).count == 1, "something still signs")
            #expect(try await server.get("/guarded", tokens).status == 401)
            #expect(try await !server.send(.GET, PawlPath.keys).text.contains(old.id))
            let next = try await server.refresh(tokens.refreshToken).tokens
            #expect(try await server.get("/guarded", next).status == 200)
            #expect(try await root.send(.DELETE, "\(PawlPath.adminKeys)/\(old.id)").status == 404)
        }
    }

    @Test(.tags(.p12))
    func `What a query says is taken as it stands, or refused`() async throws {
        try await operate { _, root in
            for query in [
                "users?limit=0", "users?limit=1001", "users?limit=x", "users?limit=", "users?after=",
                "users?after=a%00",
                "events?limit=-1", "events?after=x", "events?after=99999999999999999999",
            ] {
                let answer = try await root.send(.GET, "/admin/\(query)")
                #expect(answer.status == 400, "\(query)")
            }
            #expect(try await root.send(.GET, "/admin/users?limit=1000&after=a").status == 200)
            #expect(try await root.send(.GET, "/admin/events?limit=1&after=0").status == 200)
        }
    }

    @Test(.tags(.p3, .p6))
    func `Events can be listed and followed, evidence included, and hold no token`() async throws {
        try await operate { server, root in
            let tokens = try await server.register("alice")
            _ = try await server.refresh(tokens.refreshToken)
            server.clock.advance(by: 60)
            _ = try await server.refresh(tokens.refreshToken, headers: ["User-Agent": "Thief/9"])
            let answer = try await root.send(.GET, "\(PawlPath.adminEvents)?limit=10")
            let events = try answer.decode(EventList.self).events
            #expect(events.map(\.kind) == ["key_created", "registered", "session_started", "session_reused"])
            let theft = try #require(events.last)
            #expect(theft.userAgent == "Thief/9")
            #expect(theft.details["generation_gap"] == "1")
            #expect(theft.details["seconds_since_rotation"] == "60")
            #expect(theft.details["holder_address"] == "127.0.0.1")
            #expect(!answer.text.contains("prt_"))
            _ = try await server.login("alice")
            let after = try await root.send(.GET, "\(PawlPath.adminEvents)?after=\(theft.id)").decode(EventList.self)
            #expect(after.events.map(\.kind) == ["session_started"])
        }
    }

    @Test(.tags(.p11, .p12))
    func `An operator opens a recovery ahead, sees it, and closes it; nonsense changes nothing`() async throws {
        try await operate { server, root in
            let path = PawlPath.adminRecovery
            #expect(try await root.send(.GET, path).decode(RecoveryStatus.self).incidents.isEmpty)
            #expect(try await root.send(.POST, path, "{}").status == 404)
            #expect(try await root.send(.DELETE, path).status == 404)
            let (from, until) = ("2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z")  // the test's clock is at the end
            for body in [
                #"{"lost_from":"yesterday"}"#, #"{"lost_from":5}"#, #"{"lost_until":"2099-01-01T00:00:00Z"}"#,
                #"{"lost_from":"\#(until)","lost_until":"\#(from)"}"#, "",
            ] {
                let answer = try await root.send(.POST, path, body)
                #expect(answer.status == 400 && answer.text.contains("invalid_request"), "\(body)")
            }
            let opened = try await root.send(.POST, path, #"{"lost_from":"\#(from)","lost_until":"\#(until)"}"#)
                .decode(RecoveryStatus.self).incidents
            #expect(opened.map(\.state) == ["open"])
            #expect(opened.first?.lostFrom == from && opened.first?.lostUntil == until)
            #expect(opened.first?.closesAt == "2027-01-22T08:00:00Z", "a week")
            #expect(try await root.send(.POST, path, #"{"incident":2}"#).status == 404)
            #expect(try await root.send(.DELETE, "\(path)?incident=2").status == 404)
            #expect(try await root.send(.DELETE, "\(path)?incident=x").status == 400)
            let closed = try await root.send(.DELETE, "\(path)?incident=1").decode(RecoveryStatus.self)
            #expect(closed.incidents.map(\.state) == ["closed"])
        }
    }

    @Test(.tags(.p11))
    func `What one node is told about lost writes, another follows by itself`() async throws {
        let (store, secrets) = (MemoryStore(), try LiveServer.freshSecrets())
        var options = LiveServer.Options()
        (options.store, options.secrets) = (store, secrets)
        let shared = options
        try await LiveServer.run(shared) { one in
            let first = try await one.register("alice")
            let backup = store.rows
            one.clock.advance(by: 60)
            let second = try await one.refresh(first.refreshToken, attempt: "alices-attempt-01").tokens
            store.rows = backup
            try await LiveServer.run(shared) { two in
                func refresh() async throws -> Int {
                    try await two.refresh(second.refreshToken, attempt: "alices-attempt-02").status
                }
                #expect(try await refresh() == 503)
                let root = Operator(server: one, secrets: secrets)
                #expect(try await root.send(.POST, PawlPath.adminRecovery, "{}").status == 200)
                var status = 503
                for _ in 0..<200 where status == 503 {
                    try await Task.sleep(for: .milliseconds(50))  // it looks once a second
                    status = try await refresh()
                }
                #expect(status == 200)
            }
        }
    }

    @Test
    func `An operator ends the sessions that began since a time, a slice after the other`() async throws {
        try await operate { server, root in
            let first = try await server.register("alice")
            server.clock.advance(by: 60)
            let later = [try await server.register("bob"), try await server.login("alice").tokens]
            let path = PawlPath.adminSessions
            for query in ["", "?since=now", "?since=2027-01-15T08%3A01%3A00Z&after=x"] {
                #expect(try await root.send(.DELETE, path + query).status == 400, "\(query)")
            }
            var (ended, next): (Int, String?) = (0, nil)
            for _ in 0..<10 {
                let query = "?since=2027-01-15T08%3A01%3A00Z&limit=1" + (next.map { "&after=\($0)" } ?? "")
                let slice = try await root.send(.DELETE, path + query).decode(EndedSlice.self)
                ended += slice.ended
                next = slice.next
                if next == nil { break }
            }
            #expect(next == nil)
            #expect(ended == 2)
            for tokens in later {
                #expect(try await server.refresh(tokens.refreshToken).problem.reason == "revoked")
                #expect(try await server.get("/guarded", tokens).status == 401)
            }
            #expect(try await server.refresh(first.refreshToken).status == 200)
        }
    }

    // FAULTS C10
    @Test(
        .tags(.p12),
        arguments: [
            ("127.0.0.1:8081", true), ("10.0.3.7:8081", true), ("[::1]:8081", true), ("localhost", true),
            ("LOCALHOST:8081", true), ("pawl.internal", true), ("Pawl.Internal:8081", true),
            ("evil.example", false), ("evil.example:8081", false), ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false), ("evil.localhost", false), ("pawl.internal.evil.example", false),
            ("127.1", false), ("2130706433", false), ("0x7f.1", false), ("1.2.3.4.5", false),
        ])
    func `The operations listener answers only under its own names and IP addresses, so DNS rebinding reads nothing`(
        _ host: String, isOwn: Bool
    ) async throws {
        var options = LiveServer.Options()
        options.operationsNames = ["pawl.internal"]
        try await LiveServer.run(options) { server in
            for path in [PawlPath.metrics, PawlPath.readiness, PawlPath.health, PawlPath.adminUsers] {
                let answer = try await RawConnection.exchange(
                    port: server.port, ["GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"])
                #expect(answer.hasPrefix("HTTP/1.1 421") != isOwn, "\(path): \(answer)")
                if !isOwn { #expect(!answer.contains("pawl_") && answer.contains("misdirected_request")) }
            }
            let without = try await RawConnection.exchange(
                port: server.port, ["GET \(PawlPath.metrics) HTTP/1.0\r\n\r\n"])
            #expect(without.hasPrefix("HTTP/1.1 200"), "for the address that it came to")
        }
    }

    // FAULTS C9
    @Test(.tags(.p3))
    func `Forged operator credentials and cross-site requests are counted, and logged at most once a minute each`()
        async throws
    {
        try await LiveServer.run { server in
            let forged = ["Authorization": "Pawl-Operations 1800000000.AAAA"]
            let foreign = ["Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"]
            func lines(_ reason: String) -> [String] {
                server.logs.entries.filter { $0.contains("event=request_refused") && $0.contains("reason=\(reason)") }
            }
            for round in 1...2 {
                for _ in 0..<5 {
                    #expect(try await server.send(.GET, PawlPath.adminUsers, headers: forged).status == 401)
                    #expect(try await server.login("alice", headers: foreign).status == 403)
                }
                for reason in ["operator_credential", "cross_site"] {
                    #expect(lines(reason).count == round)
                    let line = try #require(lines(reason).last)
                    #expect(line.hasPrefix("warning") && line.contains("address=127.0.0.1"))
                    #expect(line.contains(round == 1 ? "count=1 " : "count=5 "), "\(line)")
                    #expect(!line.contains("AAAA"))
                }
                server.clock.advance(by: 60)
            }
            #expect(lines("cross_site")[0].contains("origin=https://evil.example"))
            let metrics = try await server.send(.GET, PawlPath.metrics).text
            #expect(metrics.contains(#"pawl_requests_refused_total{reason="operator_credential"} 10"#))
            #expect(metrics.contains(#"pawl_requests_refused_total{reason="cross_site"} 10"#))
            #expect(metrics.contains(#"pawl_requests_refused_total{reason="host"} 0"#))
        }
    }

    // FAULTS C6
    @Test
    func `A server that drains answers 503 at /readyz and serves everything else`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice")
            #expect(try await server.send(.GET, PawlPath.readiness).status == 200)
            server.pawl.beginDraining()
            let answer = try await server.send(.GET, PawlPath.readiness)
            #expect(answer.status == 503)
            #expect(try answer.problem.code == .unavailable)
            #expect(try await server.send(.GET, PawlPath.health).status == 200)
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }
}
