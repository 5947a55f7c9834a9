import NIOHTTP1
import PawlAPI
import PawlCore
import PawlTesting
import Testing

extension Attack {
    private static let alice = "alice@example.com"

    /// Unsafe requests, each good without what a browser adds to it, and with a cookie where a page of one's own would
    /// have one.
    private static func expectRefusal(
        of headers: [String: String], at server: LiveServer, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let tokens = try await server.login(alice).tokens
        let token = tokens.refreshToken ?? ""
        let browser = try await server.signInByBrowser(alice)
        let bearer = headers.merging(TestAPI.bearer(tokens)) { $1 }
        let withCookie = headers.merging(browser.cookieHeader) { $1 }
        let password = LiveServer.password
        let answers = [
            try await server.refresh(token, headers: headers),
            try await server.send(.POST, PawlPath.refresh, headers: withCookie),
            try await server.send(.POST, PawlPath.logout, RefreshRequest(refreshToken: token), headers: headers),
            try await server.send(.POST, PawlPath.logout, headers: withCookie),
            try await server.send(.POST, PawlPath.logoutAll, headers: bearer),
            try await server.send(.DELETE, "\(PawlPath.sessions)/\(tokens.sessionID)", headers: bearer),
            try await server.send(
                .PUT, PawlPath.password,
                PasswordChangeRequest(refreshToken: token, current: password, new: "wrong donkey capacitor"),
                headers: headers),
            try await server.send(
                .PUT, PawlPath.password,
                PasswordChangeRequest(refreshToken: nil, current: password, new: "wrong donkey capacitor"),
                headers: withCookie),
            try await server.login(alice, headers: headers),
            try await server.login(alice, headers: withCookie),
            try await server.send(
                .POST, PawlPath.register, SignInRequest(identifier: "mallory@example.com", password: password),
                headers: headers),
        ]
        for answer in answers {
            #expect(answer.status == 403, "\(headers)", sourceLocation: sourceLocation)
            #expect(answer.headers["Set-Cookie"].isEmpty, sourceLocation: sourceLocation)
            #expect(answer.headers["Access-Control-Allow-Origin"].isEmpty, sourceLocation: sourceLocation)
        }
        let mallory = try #require(Identifier("mallory@example.com"), sourceLocation: sourceLocation)
        #expect(try await server.store.user(identifier: mallory) == nil, sourceLocation: sourceLocation)
        #expect(try await server.refresh(token).status == 200, "no state change", sourceLocation: sourceLocation)
        #expect(
            try await server.browse(.POST, PawlPath.refresh, cookie: browser.cookie).status == 200, "nor here",
            sourceLocation: sourceLocation)
    }

    static let fromOtherSites: [Attack] = [
        Attack("cross-site form POST to refresh/logout/password (`text/plain`, urlencoded, multipart)") { server in
            let token = try await server.register(alice).refreshToken ?? ""
            for (type, body) in [
                ("text/plain", #"{"refresh_token":"\#(token)","x":"="}"#),
                ("application/x-www-form-urlencoded", "refresh_token=\(token)"),
                (
                    "multipart/form-data; boundary=x",
                    "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\(token)\r\n--x--"
                ),
            ] {
                for (method, path) in [
                    (HTTPMethod.POST, PawlPath.refresh), (.POST, PawlPath.logout), (.PUT, PawlPath.password),
                ] {
                    let sent = ["Content-Type": type, "Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"]
                    let answer = try await server.send(method, path, headers: sent, body: [UInt8](body.utf8))
                    #expect(answer.status == 403)
                    let old = try await server.send(
                        method, path, headers: ["Content-Type": type], body: [UInt8](body.utf8))
                    #expect(old.status == 415, "from a browser that names nothing")
                    #expect(answer.headers["Set-Cookie"].isEmpty && old.headers["Set-Cookie"].isEmpty)
                }
            }
            #expect(try await server.refresh(token).status == 200)
        },
        Attack("cross-site `fetch` with `credentials:'include'`; preflight from evil origin") { server in
            _ = try await server.register(alice)
            let origin = "https://evil.test"
            for path in [PawlPath.refresh, PawlPath.login, PawlPath.logout, PawlPath.sessions, PawlPath.password] {
                let preflight = try await server.send(
                    .OPTIONS, path,
                    headers: [
                        "Origin": origin, "Access-Control-Request-Method": "POST",
                        "Access-Control-Request-Headers": "content-type",
                    ])
                #expect(preflight.status == 405)
                #expect(!preflight.headers.contains { $0.name.lowercased().hasPrefix("access-control-") })
                #expect(!preflight.headers.contains { $0.value.contains(origin) })
            }
            try await expectRefusal(
                of: ["Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"], at: server)
        },
        Attack("sibling subdomain (same-site, other origin) POST") { server in
            _ = try await server.register(alice)
            try await expectRefusal(of: ["Origin": "http://www.auth.test", "Sec-Fetch-Site": "same-site"], at: server)
            try await expectRefusal(of: ["Sec-Fetch-Site": "same-site"], at: server)
        },
        Attack(
            "`Origin: null` (sandboxed iframe), `https://app.example.com.evil.test`, `http://` twin, other port, upper case host"
        ) { server in
            _ = try await server.register(alice)
            for origin in [
                "null", "http://auth.test.evil.test", "https://auth.test", "http://auth.test:8080", "HTTP://AUTH.TEST",
                "",
            ] { try await expectRefusal(of: ["Origin": origin], at: server) }
        },
        Attack("login CSRF (attacker's credentials in victim's browser)") { server in
            _ = try await server.register("mallory@example.com")
            let answer = try await server.login(
                "mallory@example.com", headers: ["Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"])
            #expect(answer.status == 403)
            #expect(answer.headers["Set-Cookie"].isEmpty)
        },
        Attack("clickjacking of sessions page") { server in
            for path in [PawlPath.sessions, PawlPath.session, "/", "/account"] {
                let policy = try await server.send(.GET, path).headers["Content-Security-Policy"].first ?? ""
                #expect(policy.contains("frame-ancestors 'none'"))
            }
        },
        Attack("stored XSS through device name/User-Agent in sessions list") { server in
            let script = "<script>alert(1)</script>"
            _ = try await server.register(alice, device: script)
            let tokens = try await server.login(alice, headers: ["User-Agent": script]).tokens
            let answer = try await server.get(PawlPath.sessions, tokens)
            #expect(answer.headers["Content-Type"] == ["application/json"])
            #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"])
            #expect(answer.headers["Content-Security-Policy"].first?.contains("default-src 'none'") == true)
            #expect(try answer.decode(SessionList.self).sessions.contains { $0.device == script })
        },
    ]
}
