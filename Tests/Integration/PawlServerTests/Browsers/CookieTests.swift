import NIOHTTP1
import PawlAPI
import PawlCore
import PawlServer
import PawlTesting
import Testing

@Suite("Refresh tokens in cookies", .timeLimit(.minutes(5)))
struct CookieTests {
    private static let alice = "alice@example.com"
    private static let app = "https://app.example.com"

    @Test(.tags(.p3, .p12))
    func `Every answer with tokens sets the cookie, and no body has the token`() async throws {
        try await LiveServer.run { server in
            let account = SignInRequest(identifier: Self.alice, password: LiveServer.password)
            let registered = try await server.browse(.POST, PawlPath.register, account)
            let login = try await server.browse(.POST, PawlPath.login, account)
            let refreshed = try await server.browse(.POST, PawlPath.refresh, cookie: login.cookie)
            let proof = ReauthenticateRequest(refreshToken: nil, password: LiveServer.password)
            let proven = try await server.browse(.POST, PawlPath.reauthenticate, proof, cookie: refreshed.cookie)
            let change = PasswordChangeRequest(
                refreshToken: nil, current: LiveServer.password, new: "wrong donkey capacitor")
            let changed = try await server.browse(.PUT, PawlPath.password, change, cookie: proven.cookie)
            for answer in [registered, login, refreshed, proven, changed] {
                #expect(answer.status == 200 || answer.status == 201)
                let cookie = try answer.cookie
                #expect(
                    answer.headers["Set-Cookie"] == [
                        "__Host-Http-pawl=\(cookie); Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict"
                    ])
                #expect(try answer.tokens.refreshToken == nil)
                #expect(!answer.text.contains("prt_"))
                #expect(answer.headers["Cache-Control"] == ["no-store"])
                #expect(answer.headers["Access-Control-Allow-Origin"].isEmpty, "one's own page needs no permission")
            }
            let cookies = try [registered, login, refreshed, proven, changed].map { try $0.cookie }
            #expect(Set(cookies).count == 5)
        }
    }

    @Test(.tags(.p12))
    func `With the path /auth the cookie has the shorter prefix`() async throws {
        var options = LiveServer.Options()
        options.configure = { $0.cookiePath = .auth }
        try await LiveServer.run(options) { server in
            let account = SignInRequest(identifier: Self.alice, password: LiveServer.password)
            let cookie = try await server.browse(.POST, PawlPath.register, account).cookie
            let own = LiveServer.ownPage.merging(["Cookie": "__Secure-pawl=\(cookie)"]) { $1 }
            let refreshed = try await server.send(.POST, PawlPath.refresh, headers: own)
            #expect(
                refreshed.headers["Set-Cookie"] == [
                    "__Secure-pawl=\(try refreshed.cookie); Path=/auth; Max-Age=604800; Secure; HttpOnly; SameSite=Strict"
                ])
            let out = try await server.send(.POST, PawlPath.logout, headers: own)
            #expect(
                out.headers["Set-Cookie"] == [
                    "__Secure-pawl=; Path=/auth; Max-Age=0; Secure; HttpOnly; SameSite=Strict"
                ])
        }
    }

    @Test(.tags(.p12))
    func `Near the session's absolute end the cookie lives no longer than the session`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            var cookie = try await server.signInByBrowser(Self.alice).cookie
            for _ in 0..<5 {  // 30 days in all
                server.clock.advance(by: 6 * 86_400 - 60)
                cookie = try await server.browse(.POST, PawlPath.refresh, cookie: cookie).cookie
            }
            let last = try await server.browse(.POST, PawlPath.refresh, cookie: cookie)
            #expect(last.headers["Set-Cookie"].first?.contains("; Max-Age=300;") == true, "\(last.headers)")
        }
    }

    @Test(.tags(.p6, .p12))
    func `A refresh never clears a cookie, whatever the answer`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            let first = try await server.signInByBrowser(Self.alice)
            let second = try await server.browse(
                .POST, PawlPath.refresh, cookie: first.cookie, attempt: "attempt-of-page-1")
            let answers: [(Int, TestAPI.Answer)] = [
                (401, try await server.browse(.POST, PawlPath.refresh)),
                (401, try await server.browse(.POST, PawlPath.refresh, cookie: "garbage")),
                (
                    409,
                    try await server.browse(.POST, PawlPath.refresh, cookie: first.cookie, attempt: "attempt-of-page-2")
                ),
                (400, try await server.browse(.POST, PawlPath.refresh, cookie: second.cookie, attempt: "short")),
                (400, try await server.browse(.POST, PawlPath.refresh, RefreshRequest(refreshToken: second.cookie))),
                (
                    400,
                    try await server.browse(
                        .POST, PawlPath.refresh, RefreshRequest(refreshToken: second.cookie), cookie: second.cookie)
                ),
                (
                    400,
                    try await server.browse(
                        .POST, PawlPath.reauthenticate,
                        ReauthenticateRequest(refreshToken: second.cookie, password: LiveServer.password),
                        cookie: second.cookie)
                ),
            ]
            for (status, answer) in answers {
                #expect(answer.status == status)
                #expect(answer.headers["Set-Cookie"].isEmpty)
            }
            server.clock.advance(by: 31)
            let reuse = try await server.browse(.POST, PawlPath.refresh, cookie: first.cookie)
            #expect(try reuse.problem.reason == "reused")
            #expect(reuse.headers["Set-Cookie"].isEmpty)
        }
    }

    @Test(.tags(.p5))
    func `A cookie session's token is refused in a body, and a body session's in a cookie`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register(Self.alice)
            let browser = try await server.signInByBrowser(Self.alice)
            let bodied = try await server.refresh(browser.cookie)
            #expect(bodied.status == 400)
            #expect(try bodied.problem.code == .wrongDelivery)
            let cookied = try await server.browse(.POST, PawlPath.refresh, cookie: tokens.refreshToken)
            #expect(try cookied.problem.code == .wrongDelivery)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: browser.cookie).status == 200)
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }

    // FAULTS B1
    @Test(.tags(.p6))
    func `A browser's spent cookie in a body ends its session as stolen, with evidence`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            let browser = try await server.signInByBrowser(Self.alice)
            var cookie = browser.cookie
            for page in 1...3 {
                let attempt = "attempt-of-page-\(page)"
                cookie = try await server.browse(.POST, PawlPath.refresh, cookie: cookie, attempt: attempt).cookie
            }
            let thief = try await server.refresh(browser.cookie)
            #expect(thief.status == 401)
            #expect(try thief.problem.reason == "reused")
            let owner = try await server.browse(.POST, PawlPath.refresh, cookie: cookie)
            #expect(try owner.problem.reason == "reused")
            #expect(server.logs.text.contains("session_reused"))
        }
    }

    // FAULTS B2
    @Test(.tags(.p7))
    func `A refresh token ends its session whichever way it comes`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register(Self.alice)
            let browser = try await server.signInByBrowser(Self.alice)
            let leaked = RefreshRequest(refreshToken: browser.cookie)
            #expect(try await server.send(.POST, PawlPath.logout, leaked).status == 204)
            let after = try await server.browse(.POST, PawlPath.refresh, cookie: browser.cookie)
            #expect(try after.problem.reason == "signed_out")
            let planted = try await server.browse(.POST, PawlPath.logout, cookie: tokens.refreshToken)
            #expect(planted.status == 204)
            #expect(try await server.refresh(tokens.refreshToken).problem.reason == "signed_out")
        }
    }

    // FAULTS B2
    @Test(.tags(.p7))
    func `A browser ends the session of a refresh token that it sends in the body`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register(Self.alice)
            let leaked = RefreshRequest(refreshToken: tokens.refreshToken)
            let page = LiveServer.ownPage
            #expect(try await server.send(.POST, PawlPath.logout, leaked, headers: page).status == 204)
            #expect(try await server.refresh(tokens.refreshToken).problem.reason == "signed_out")
            let browser = try await server.signInByBrowser(Self.alice)
            let both = try await server.send(
                .POST, PawlPath.logout, leaked, headers: page.merging(browser.cookieHeader) { $1 })
            #expect(both.status == 400, "which of them is meant?")
        }
    }

    // FAULTS B11
    @Test(.tags(.p6), arguments: [PawlPath.login, PawlPath.register, PawlPath.logout, PawlPath.logoutAll])
    func `A sign-in, a registration and a sign-out over one's own old cookie, under the kept name, are no theft`(
        path: String
    ) async throws {
        let store = MemoryStore()
        var options = LiveServer.Options()
        options.store = store
        try await LiveServer.run(options) { server in
            _ = try await server.register(Self.alice)
            let browser = try await server.signInByBrowser(Self.alice)
            let name = "the-kept-name-of-a-page"
            var cookie = browser.cookie
            for _ in 1...3 {
                cookie = try await server.browse(.POST, PawlPath.refresh, cookie: cookie, attempt: name).cookie
                server.clock.advance(by: 60)
            }
            let malformed = try await server.browse(
                .POST, path, SignInRequest(identifier: Self.alice, password: LiveServer.password),
                cookie: browser.cookie, attempt: "short")
            #expect(malformed.status == 400)
            #expect(malformed.headers["Set-Cookie"].isEmpty)
            let answer: TestAPI.Answer =
                switch path {
                case PawlPath.logout:
                    try await server.browse(.POST, path, cookie: browser.cookie, attempt: name)
                case PawlPath.logoutAll:
                    try await server.browse(
                        .POST, path, cookie: browser.cookie, attempt: name,
                        headers: LiveServer.ownPage.merging(
                            TestAPI.bearer(try await server.signInByBrowser(Self.alice).tokens)
                        ) { $1 })
                default:
                    try await server.browse(
                        .POST, path,
                        SignInRequest(
                            identifier: path == PawlPath.login ? Self.alice : "bob@example.com",
                            password: LiveServer.password), cookie: browser.cookie, attempt: name)
                }
            #expect(answer.status == 200 || answer.status == 201 || answer.status == 204)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: cookie).problem.reason == "signed_out")
            let events = store.events(since: UnixTime(seconds: 0), kinds: [.sessionReused], limit: 10)
            #expect(events.isEmpty)
        }
    }

    @Test(.tags(.p12))
    func `Two cookies of the name are refused, in one field or two`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            let mallory = try await server.register("mallory@example.com")
            let browser = try await server.signInByBrowser(Self.alice)
            for other in ["x", mallory.refreshToken ?? "", browser.cookie] {
                let pair = "__Host-Http-pawl=\(browser.cookie); __Host-Http-pawl=\(other)"
                for path in [PawlPath.refresh, PawlPath.logout, PawlPath.login] {
                    let answer = try await server.send(
                        .POST, path, headers: LiveServer.ownPage.merging(["Cookie": pair]) { $1 })
                    #expect(answer.status == 400)
                    #expect(try answer.problem.code == .duplicateCookie)
                    #expect(answer.headers["Set-Cookie"].isEmpty)
                }
            }
            // Another cookie whose name ends alike is not ours.
            let alike =
                "x__Host-Http-pawl=1; __Host-Http-pawl2=2; __host-http-pawl=3; __Host-Http-pawl=\(browser.cookie)"
            let answer = try await server.send(
                .POST, PawlPath.refresh, headers: LiveServer.ownPage.merging(["Cookie": alike]) { $1 })
            #expect(answer.status == 200)
        }
    }

    @Test(.tags(.p8))
    func `Signing out ends the session and clears the cookie, and is 204 without one too`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            let cleared = ["__Host-Http-pawl=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"]
            let browser = try await server.signInByBrowser(Self.alice)
            for cookie in [browser.cookie, browser.cookie, "garbage", nil] {
                let answer = try await server.browse(.POST, PawlPath.logout, cookie: cookie)
                #expect(answer.status == 204)
                #expect(answer.headers["Set-Cookie"] == cleared)
            }
            let after = try await server.browse(.POST, PawlPath.refresh, cookie: browser.cookie)
            #expect(try after.problem.reason == "signed_out")

            let other = try await server.signInByBrowser(Self.alice)
            let bearer = LiveServer.ownPage.merging(TestAPI.bearer(other.tokens)) { $1 }
            let both = try await server.browse(.POST, PawlPath.logout, cookie: other.cookie, headers: bearer)
            #expect(both.status == 400)
            #expect(both.headers["Set-Cookie"].isEmpty)
            let byAccessToken = try await server.browse(.POST, PawlPath.logout, headers: bearer)
            #expect(byAccessToken.status == 204)
            #expect(byAccessToken.headers["Set-Cookie"] == cleared)
            let dead = try await server.browse(.POST, PawlPath.refresh, cookie: other.cookie)
            #expect(try dead.problem.reason == "signed_out")
        }
    }

    @Test(.tags(.p8))
    func `Ending one's own session by its id clears its cookie, and leaves a cookie of another session`() async throws
    {  // FAULTS B7
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            _ = try await server.register("bob@example.com")
            let cleared = ["__Host-Http-pawl=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"]
            let bob = try await server.signInByBrowser("bob@example.com")
            for (isCurrent, fields) in [(true, cleared), (false, [])] {
                let alice = try await server.signInByBrowser(Self.alice)
                // The cookie that came before a turn is one of the session as well.
                _ = try await server.browse(.POST, PawlPath.refresh, cookie: alice.cookie)
                let answer = try await server.browse(
                    .DELETE, "\(PawlPath.sessions)/\(alice.tokens.sessionID)",
                    cookie: isCurrent ? alice.cookie : bob.cookie,
                    headers: LiveServer.ownPage.merging(TestAPI.bearer(alice.tokens)) { $1 })
                #expect(answer.status == 204)
                #expect(answer.headers["Set-Cookie"] == fields)
            }
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: bob.cookie).status == 200)
        }
    }

    @Test(
        .tags(.p12),
        arguments: ["{}", "null", #"{"refresh_token":null}"#, #"{"other":1}"#])
    func `An object without a token, and null, are no token in the body of a browser's refresh and sign-out`(
        _ body: String
    ) async throws {  // FAULTS B4: `axios.post(url, {})`
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            let json = LiveServer.ownPage.merging(TestAPI.json) { $1 }
            func post(_ path: String, cookie: String?, _ headers: [String: String] = [:]) async throws -> TestAPI.Answer
            {
                var headers = json.merging(headers) { $1 }
                if let cookie { headers["Cookie"] = "\(PawlCookie.hostName)=\(cookie)" }
                return try await server.send(.POST, path, headers: headers, body: [UInt8](body.utf8))
            }
            let browser = try await server.signInByBrowser(Self.alice)
            let refreshed = try await post(PawlPath.refresh, cookie: browser.cookie)
            #expect(refreshed.status == 200)
            let proof = #"{"refresh_token":null,"password":"\#(LiveServer.password)"}"#
            let turned = try await server.send(
                .POST, PawlPath.reauthenticate,
                headers: json.merging(["Cookie": "\(PawlCookie.hostName)=\(refreshed.cookie)"]) { $1 },
                body: [UInt8](proof.utf8))
            #expect(turned.status == 200)
            #expect(try await post(PawlPath.logout, cookie: turned.cookie).status == 204)
            let dead = try await server.browse(.POST, PawlPath.refresh, cookie: turned.cookie)
            #expect(try dead.problem.reason == "signed_out")

            for path in [PawlPath.logout, PawlPath.logoutOthers, PawlPath.logoutAll] {
                let other = try await server.signInByBrowser(Self.alice)
                #expect(try await post(path, cookie: nil, TestAPI.bearer(other.tokens)).status == 204)
            }
            let program = try await server.login(Self.alice).tokens
            let headers = TestAPI.bearer(program).merging(TestAPI.json) { $1 }
            let answer = try await server.send(
                .POST, PawlPath.logout, headers: headers, body: [UInt8](body.utf8))
            #expect(answer.status == 204)
            #expect(try await server.refresh(program.refreshToken).status == 401)

            // Without any token there is none, and a body must still be JSON.
            let none = try await server.send(
                .POST, PawlPath.refresh, headers: TestAPI.json, body: [UInt8](body.utf8))
            #expect(none.status == 400)
            #expect(try none.problem.detail == "The member refresh_token is missing.")
            let text = try await server.send(
                .POST, PawlPath.refresh, headers: ["Content-Type": "text/plain"], body: [UInt8](body.utf8))
            #expect(text.status == 415)
        }
    }

    @Test(.tags(.p8))
    func `Signing out everywhere ends the cookie's session too, also another user's`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            _ = try await server.register("bob@example.com")
            let alice = try await server.signInByBrowser(Self.alice)
            let bob = try await server.signInByBrowser("bob@example.com")
            let answer = try await server.browse(
                .POST, PawlPath.logoutAll, cookie: bob.cookie,
                headers: LiveServer.ownPage.merging(TestAPI.bearer(alice.tokens)) { $1 })
            #expect(answer.status == 204)
            #expect(answer.headers["Set-Cookie"].first?.hasPrefix("__Host-Http-pawl=; Path=/; Max-Age=0;") == true)
            for cookie in [alice.cookie, bob.cookie] {
                #expect(try await server.browse(.POST, PawlPath.refresh, cookie: cookie).status == 401)
            }
        }
    }

    @Test(.tags(.p8))
    func `A refresh that is in flight while the user signs out gives nothing that works`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            for round in 0..<50 {
                let cookie = try await server.signInByBrowser(Self.alice).cookie
                async let refreshed = server.browse(
                    .POST, PawlPath.refresh, cookie: cookie, attempt: "attempt-\(round)-of-the-page")
                async let out = server.browse(.POST, PawlPath.logout, cookie: cookie)
                let (answer, signedOut) = try await (refreshed, out)
                #expect(signedOut.status == 204)
                for token in [cookie, answer.status == 200 ? try answer.cookie : cookie] {
                    #expect(try await server.browse(.POST, PawlPath.refresh, cookie: token).status == 401)
                }
            }
        }
    }

    @Test(.tags(.p8))
    func `A login over an authentic cookie ends its session; a failed one does not`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            _ = try await server.register("bob@example.com")
            let alice = try await server.signInByBrowser(Self.alice)
            let wrong = SignInRequest(identifier: "bob@example.com", password: "not the password")
            let failed = try await server.browse(.POST, PawlPath.login, wrong, cookie: alice.cookie)
            #expect(failed.status == 401)
            #expect(failed.headers["Set-Cookie"].isEmpty)
            let turned = try await server.browse(.POST, PawlPath.refresh, cookie: alice.cookie).cookie

            let bob = try await server.signInByBrowser("bob@example.com", cookie: turned)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: turned).problem.reason == "signed_out")
            let carol = try await server.browse(
                .POST, PawlPath.register,
                SignInRequest(identifier: "carol@example.com", password: LiveServer.password), cookie: bob.cookie)
            #expect(carol.status == 201)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: bob.cookie).status == 401)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: carol.cookie).status == 200)
        }
    }

    @Test(.tags(.p12))
    func `A cookie that was planted before the login is never adopted`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register(Self.alice)
            _ = try await server.register("mallory@example.com")
            let planted = try await server.signInByBrowser("mallory@example.com")
            let alice = try await server.signInByBrowser(Self.alice, cookie: planted.cookie)
            #expect(alice.tokens.sessionID != planted.tokens.sessionID)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: planted.cookie).status == 401)
            for garbage in ["known-in-advance", "", String(repeating: "x", count: 3000)] {
                let session = try await server.signInByBrowser(Self.alice, cookie: garbage)
                #expect(session.cookie != garbage)
                #expect(try await server.browse(.POST, PawlPath.refresh, cookie: garbage).status == 401)
            }
        }
    }

    @Test(.tags(.p12))
    func `A browser without a cookie learns no more than one with garbage`() async throws {
        try await LiveServer.run { server in
            let without = try await server.browse(.POST, PawlPath.refresh)
            let garbage = try await server.browse(.POST, PawlPath.refresh, cookie: "garbage")
            #expect(without.status == 401)
            #expect(without.telltale == garbage.telltale)
        }
    }

    @Test(.tags(.p12))
    func `A server that renders pages passes a browser's cookie on under its own configured origin`() async throws {
        var options = LiveServer.Options()
        options.configure = { $0.origins = [WebOrigin(Self.app)!] }
        try await LiveServer.run(options) { server in
            _ = try await server.register(Self.alice)
            let browser = try await server.signInByBrowser(Self.alice)
            let silent = try await server.browse(.POST, PawlPath.refresh, cookie: browser.cookie, headers: [:])
            #expect(try silent.problem.code == .crossSiteRequest, "a cookie needs an origin")
            let named = try await server.browse(
                .POST, PawlPath.refresh, cookie: browser.cookie, headers: ["Origin": Self.app])
            #expect(named.status == 200)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: named.cookie).status == 200)
        }
    }
}
