import NIOHTTP1
import PawlAPI
import PawlCore
import PawlJOSE
import PawlServer
import PawlTesting
import Testing

@Suite("Devices and step-up over HTTP", .timeLimit(.minutes(5)))
struct DeviceTests {
    @Test
    func `One sees one's own devices, this one marked, and never a token`() async throws {
        try await LiveServer.run { server in
            let laptop = try await server.register("alice@example.com", device: "Laptop")
            let phone = try await server.login("alice@example.com", headers: ["User-Agent": "Phone/1 <script>"]).tokens
            _ = try await server.register("mallory@example.com")
            let answer = try await server.get(PawlPath.sessions, phone)
            let sessions = try answer.decode(SessionList.self).sessions
            #expect(sessions.count == 2)
            #expect(sessions.filter(\.current).map(\.id) == [phone.sessionID])
            #expect(sessions.first { !$0.current }?.device == "Laptop")
            #expect(sessions.first { $0.current }?.userAgent == "Phone/1 <script>")
            #expect(sessions.allSatisfy { $0.createdAt == "2027-01-15T08:00:00Z" && $0.ip == "127.0.0.1" })
            #expect(!answer.text.contains("prt_"))
            let own = try await server.get(PawlPath.session, laptop).decode(SessionDescription.self)
            #expect(own.subject == laptop.subject)
            #expect(own.roles == [])
            #expect(own.authTime == "2027-01-15T08:00:00Z")
        }
    }

    // FAULTS B3
    @Test
    func `The list of devices is paged, for the user and for an operator, and never holds more than was asked for`()
        async throws
    {
        var options = LiveServer.Options()
        options.configure = { $0.sessionsPerUser = 6 }
        try await LiveServer.run(options) { server in
            _ = try await server.register("alice@example.com")
            var last = try await server.login("alice@example.com").tokens
            for _ in 1...6 {
                server.clock.advance(by: 1)
                last = try await server.login("alice@example.com").tokens
            }
            func all(_ path: String, _ get: (String) async throws -> TestAPI.Answer) async throws -> [[String]] {
                var (pages, query): ([[String]], String) = ([], "?limit=4")
                while pages.count < 10 {
                    let page = try await get(path + query).decode(SessionList.self)
                    pages.append(page.sessions.map(\.id))
                    guard let next = page.next else { return pages }
                    #expect(next == page.sessions.last?.id)
                    query = "?limit=4&after=\(next)"
                }
                return pages
            }
            let own = try await all(PawlPath.sessions) { [last] in try await server.get($0, last) }
            #expect(own.map(\.count) == [4, 2], "six of the eight are left")
            #expect(own[0][0] == last.sessionID)
            #expect(Set(own.flatMap(\.self)).count == 6)
            for query in ["limit=0", "limit=1001", "limit=x", "after=x"] {
                #expect(try await server.get("\(PawlPath.sessions)?\(query)", last).status == 400)
            }
        }
    }

    @Test(.tags(.p12))
    func `Somebody else's session is as unknown as one that never was`() async throws {
        try await LiveServer.run { server in
            let alice = try await server.register("alice@example.com")
            let mallory = try await server.register("mallory@example.com")
            var texts: Set<String> = []
            for id in [alice.sessionID, String(repeating: "0", count: 32), "x' OR '1'='1", "..%2F.."] {
                let path = "\(PawlPath.sessions)/" + id.replacing(" ", with: "%20")
                for method in [HTTPMethod.DELETE, .PATCH] {
                    let answer = try await server.send(
                        method, path, RenameRequest(device: "Mine"), headers: TestAPI.bearer(mallory))
                    #expect(answer.status == 404)
                    texts.insert(answer.text)
                }
            }
            #expect(texts.count == 1)
            #expect(try await server.refresh(alice.refreshToken).status == 200)
        }
    }

    @Test(.tags(.p7))
    func `A device can be renamed and ended; ending needs a fresh proof of identity, one's own session does not`()
        async throws
    {
        try await LiveServer.run { server in
            let laptop = try await server.register("alice@example.com")
            let phone = try await server.login("alice@example.com").tokens
            let path = "\(PawlPath.sessions)/\(laptop.sessionID)"
            let renamed = try await server.send(
                .PATCH, path, RenameRequest(device: "The old one"), headers: TestAPI.bearer(phone))
            #expect(renamed.status == 204)
            // FAULTS A8
            for (typed, name) in [("a\u{7}b", "ab"), ("\u{202E}Laptop ", "Laptop"), ("\u{FEFF}", ""), (" ", "")] {
                let answer = try await server.send(
                    .PATCH, path, RenameRequest(device: typed), headers: TestAPI.bearer(phone))
                #expect(answer.status == 204)
                let sessions = try await server.get(PawlPath.sessions, phone).decode(SessionList.self).sessions
                #expect(sessions.first { !$0.current }?.device == name)
            }

            server.clock.advance(by: 601)
            let now = try await server.refresh(phone.refreshToken).tokens
            let stale = try await server.send(.DELETE, path, headers: TestAPI.bearer(now))
            #expect(stale.status == 401)
            #expect(try stale.problem.code == .insufficientUserAuthentication)
            #expect(
                stale.headers["WWW-Authenticate"] == [
                    "Bearer realm=\"pawl\", error=\"insufficient_user_authentication\", max_age=\"600\""
                ])
            for path in [PawlPath.logoutOthers, PawlPath.logoutAll] {
                #expect(try await server.send(.POST, path, headers: TestAPI.bearer(now)).status == 401)
            }

            let proven = try await server.send(
                .POST, PawlPath.reauthenticate,
                ReauthenticateRequest(refreshToken: now.refreshToken ?? "", password: LiveServer.password)
            ).tokens
            #expect(try await server.send(.DELETE, path, headers: TestAPI.bearer(proven)).status == 204)
            #expect(try await server.refresh(laptop.refreshToken).problem.reason == "revoked")
            #expect(try await server.send(.DELETE, path, headers: TestAPI.bearer(proven)).status == 404)

            let own = "\(PawlPath.sessions)/\(proven.sessionID)"
            #expect(try await server.send(.DELETE, own, headers: TestAPI.bearer(proven)).status == 204)
            #expect(try await server.refresh(proven.refreshToken).problem.reason == "signed_out")
        }
    }

    @Test(.tags(.p12))
    func `An access token from before a step-up ends no other session, though the session is proven afresh`()
        async throws
    {  // FAULTS A6
        try await LiveServer.run { server in
            let laptop = try await server.register("alice@example.com")
            let phone = try await server.login("alice@example.com").tokens
            server.clock.advance(by: 615)
            let proof = ReauthenticateRequest(refreshToken: phone.refreshToken, password: LiveServer.password)
            let fresh = try await server.send(.POST, PawlPath.reauthenticate, proof).tokens
            let other = "\(PawlPath.sessions)/\(laptop.sessionID)"
            let routes = [(HTTPMethod.DELETE, other), (.POST, PawlPath.logoutOthers), (.POST, PawlPath.logoutAll)]
            for (method, path) in routes {
                let answer = try await server.send(method, path, headers: TestAPI.bearer(phone))
                #expect(answer.status == 401)
                #expect(try answer.problem.code == .insufficientUserAuthentication)
            }
            let own = try await server.get(PawlPath.session, phone).decode(SessionDescription.self)
            #expect(own.authTime == "2027-01-15T08:00:00Z", "what this token proves")
            for (method, path) in routes {
                #expect(try await server.send(method, path, headers: TestAPI.bearer(fresh)).status == 204)
            }
        }
    }

    @Test(.tags(.p7))
    func `Logout of the others leaves this one; logout of all leaves none`() async throws {
        try await LiveServer.run { server in
            let first = try await server.register("alice@example.com")
            let second = try await server.login("alice@example.com").tokens
            let bearer = TestAPI.bearer(second)
            #expect(try await server.send(.POST, PawlPath.logoutOthers, headers: bearer).status == 204)
            #expect(try await server.refresh(first.refreshToken).status == 401)
            let third = try await server.refresh(second.refreshToken).tokens
            #expect(try await server.send(.POST, PawlPath.logoutAll, headers: TestAPI.bearer(third)).status == 204)
            #expect(try await server.refresh(third.refreshToken).status == 401)
        }
    }

    @Test(.tags(.p5))
    func `A new password ends the other sessions, and its lost answer can be repeated without the old password`()
        async throws
    {
        try await LiveServer.run { server in
            let other = try await server.register("alice@example.com")
            let mine = try await server.login("alice@example.com").tokens
            let change = PasswordChangeRequest(
                refreshToken: mine.refreshToken ?? "", current: LiveServer.password, new: "wrong donkey capacitor")
            let headers = [PawlHeader.attempt: "change-attempt-001"]
            let first = try await server.send(.PUT, PawlPath.password, change, headers: headers)
            #expect(first.status == 200)
            let again = try await server.send(.PUT, PawlPath.password, change, headers: headers)
            #expect(try again.tokens.refreshToken == first.tokens.refreshToken)
            #expect(try await server.refresh(other.refreshToken).problem.reason == "revoked")
            #expect(try await server.get("/guarded", other).status == 401)
            #expect(try await server.login("alice@example.com").status == 401)
            #expect(try await server.login("alice@example.com", password: "wrong donkey capacitor").status == 200)
        }
    }

    // FAULTS F3
    @Test(.tags(.p12))
    func `A change repeated under its name with another new password is 409: that one was not set`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let headers = [PawlHeader.attempt: "change-attempt-001"]
            func change(to new: String) async throws -> TestAPI.Answer {
                let body = PasswordChangeRequest(
                    refreshToken: tokens.refreshToken, current: LiveServer.password, new: new)
                return try await server.send(.PUT, PawlPath.password, body, headers: headers)
            }
            #expect(try await change(to: "wrong donkey capacitor").status == 200)
            let other = try await change(to: "right donkey capacitor")
            #expect(other.status == 409)
            #expect(try other.problem.code == .refreshConflict)
            #expect(try await change(to: "wrong donkey capacitor").status == 200)
            #expect(try await server.login("alice@example.com", password: "right donkey capacitor").status == 401)
            #expect(try await server.login("alice@example.com", password: "wrong donkey capacitor").status == 200)
        }
    }

    @Test
    func `A replay of a plain refresh does not pass for a step-up or a password change`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            _ = try await server.refresh(tokens.refreshToken)
            let change = PasswordChangeRequest(
                refreshToken: tokens.refreshToken ?? "", current: "whatever it was", new: "wrong donkey capacitor")
            #expect(try await server.send(.PUT, PawlPath.password, change).status == 409)
            #expect(try await server.login("alice@example.com").status == 200)
        }
    }

    @Test(.tags(.p5))
    func `A step-up's retry does not pass for a password change under the same name`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let headers = [PawlHeader.attempt: "one-name-for-two-things"]
            let token = tokens.refreshToken ?? ""
            let proof = ReauthenticateRequest(refreshToken: token, password: LiveServer.password)
            #expect(try await server.send(.POST, PawlPath.reauthenticate, proof, headers: headers).status == 200)
            let change = PasswordChangeRequest(
                refreshToken: token, current: "whatever it was", new: "wrong donkey capacitor")
            #expect(try await server.send(.PUT, PawlPath.password, change, headers: headers).status == 409)
            #expect(try await server.send(.POST, PawlPath.reauthenticate, proof, headers: headers).status == 200)
            #expect(try await server.login("alice@example.com").status == 200)
        }
    }

    @Test
    func `Five wrong passwords lock step-up in that session, and the account nowhere else`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            func prove(_ password: String) async throws -> TestAPI.Answer {
                try await server.send(
                    .POST, PawlPath.reauthenticate,
                    ReauthenticateRequest(refreshToken: tokens.refreshToken ?? "", password: password))
            }
            for _ in 0..<5 {
                let answer = try await prove("wrong")
                #expect(answer.status == 403)
                #expect(try answer.problem.code == .wrongPassword)
            }
            #expect(try await prove(LiveServer.password).problem.code == .stepUpLocked)
            #expect(try await server.login("alice@example.com").status == 200)
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }

    @Test
    func `A changed role is in the next token of every session`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let alice = try #require(Identifier("alice@example.com"))
            let change = UserChange(roles: ["editor"], scope: ["notes:read"], at: server.clock.now)
            _ = try await server.pawl.engine.accounts.administer(alice, change)
            let next = try await server.refresh(tokens.refreshToken).tokens
            let claims = try await server.pawl.accessTokens.validate(next.accessToken)
            #expect(claims.roles == ["editor"])
            #expect(claims.scope == ["notes:read"])
            #expect(next.scope == "notes:read")
        }
    }
}
