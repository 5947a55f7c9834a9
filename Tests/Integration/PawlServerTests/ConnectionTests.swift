import NIOCore
import NIOHTTP1
import NIOPosix
import PawlAPI
import PawlCore
import PawlTesting
import Testing

@testable import PawlServer

@Suite("What HTTP/1 asks of a server", .tags(.p12), .timeLimit(.minutes(2)))
struct ConnectionTests {
    private static let post = "POST \(PawlPath.login) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    private static let body = #"{"identifier":"alice","password":"wrong donkey capacitor"}"#

    // FAULTS C3
    @Test
    func `A client that asks before it sends a body is told at once to go on, and then gets its answer`() async throws {
        try await LiveServer.run { server in
            for framing in [
                ("Content-Length: \(Self.body.utf8.count)", Self.body),
                (
                    "Transfer-Encoding: chunked",
                    String(Self.body.utf8.count, radix: 16) + "\r\n\(Self.body)\r\n0\r\n\r\n"
                ),
            ] {
                let answers = try await RawConnection.converse(port: server.port) { connection in
                    await connection.send(Self.post + "\(framing.0)\r\nExpect: 100-Continue\r\n\r\n")
                    let first = await connection.receive(through: "\r\n\r\n")
                    await connection.send(framing.1)
                    return (first, await connection.receive(through: "\r\n\r\n"))
                }
                #expect(answers.0 == "HTTP/1.1 100 Continue\r\n\r\n")
                #expect(answers.1.hasPrefix("HTTP/1.1 401"), "\(answers.1)")
            }
        }
    }

    // FAULTS C3
    @Test
    func `A client that asks before it sends a body gets the refusal at once where there is one`() async throws {
        try await LiveServer.run { server in
            for (fields, status) in [
                ("Content-Length: 104857600\r\nExpect: 100-continue", 413),
                ("Content-Length: 5\r\nExpect: 200-ok", 417),
                ("Content-Length: 5\r\nExpect: 100-continue, more", 417),
            ] {
                let answer = try await RawConnection.exchange(port: server.port, [Self.post + fields + "\r\n\r\n"])
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(answer)")
                #expect(answer.contains("Connection: close") && answer.contains(Problem.contentType))
            }
            // HTTP/1.0 knows neither the field nor the answer (RFC 9110 §10.1.1).
            let old = try await RawConnection.exchange(
                port: server.port,
                [
                    "POST \(PawlPath.login) HTTP/1.0\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
                        + "Content-Length: \(Self.body.utf8.count)\r\n\r\n\(Self.body)"
                ])
            #expect(old.hasPrefix("HTTP/1.1 401"), "\(old)")
        }
    }

    // FAULTS C4, C13
    @Test
    func `HTTP/1.0 needs no Host, and the connection closes after its answer`() async throws {
        try await LiveServer.run { server in
            for (request, status) in [
                ("GET \(PawlPath.readiness) HTTP/1.0\r\n\r\n", 200),
                ("GET \(PawlPath.readiness) HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
                ("GET \(PawlPath.keys) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
                ("GET \(PawlPath.session) HTTP/1.0\r\nHost: a\r\n\r\n", 401),
                ("GET /nothing HTTP/1.0\r\n\r\n", 404),
                ("GET \(PawlPath.keys) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
                ("GET \(PawlPath.keys) HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
            ] {
                let start = ContinuousClock.now
                // Returns when the server closes the connection; what follows the request is not answered.
                let answer = try await RawConnection.exchange(port: server.port, [request + request])
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(request): \(answer)")
                #expect(answer.contains("Connection: close"), "\(request): \(answer)")
                #expect(answer.split(separator: "HTTP/1.1 ").count == 1, "\(request): \(answer)")
                #expect(ContinuousClock.now - start < .seconds(20), "not when its time as an idle one is over")
            }
        }
    }

    // FAULTS F6
    @Test(arguments: [
        ("POST /auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST /auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (
            "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            501
        ),
        ("POST /auth/refresh HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 501),
        ("BREW /auth/refresh HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET /auth/session HTTP/9.9\r\nHost: a\r\n\r\n", 505),
    ])
    func `A request whose framing another reader may understand differently is refused, and the connection is closed`(
        _ request: String, status: Int
    ) async throws {
        try await LiveServer.run { server in
            let answer = try await RawConnection.exchange(
                port: server.port, [request + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"])
            #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(answer)")
            #expect(answer.contains("Connection: close") && answer.contains("Cache-Control: no-store"))
            #expect(answer.split(separator: "HTTP/1.1 ").count == 1, "\(answer)")
        }
    }

    // FAULTS F6
    @Test(arguments: [
        ("auth.example.com", true), ("auth.example.com:443", true), ("127.0.0.1", true), ("[::1]:8080", true),
        ("[2001:db8::7]", true), ("a_b", true), ("localhost:", true), ("xn--bcher-kva.example", true),
        ("a%20b", true),
        ("", false), ("a/b", false), ("a@b", false), ("user:pass@a", false), ("a:b", false), ("a:80:90", false),
        (":80", false), ("a b", false), ("a,b", false), ("a?b", false), ("a#b", false), ("[::1", false),
        ("[::1]x", false), ("[127.0.0.1]", false), ("[]", false), ("::1", false), ("bücher.example", false),
        ("a:123456", false), ("a\\b", false), ("http://a", false),
    ])
    func `A Host field holds one name or address, and perhaps a port`(_ text: String, isGood: Bool) {
        #expect(isHost(text) == isGood)
    }

    // FAULTS F6
    @Test(arguments: ["a/b", "a@b", "", "a,b"])
    func `A request with an invalid Host field is answered 400`(_ host: String) async throws {
        try await LiveServer.run { server in
            let answer = try await RawConnection.exchange(
                port: server.port, ["GET \(PawlPath.keys) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"])
            #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
        }
    }

    @Test
    func `On one connection the answers come in the order of the requests, a refusal too`() async throws {
        try await LiveServer.run { server in
            let get = "GET \(PawlPath.keys) HTTP/1.1\r\nHost: a\r\n\r\n"
            let login = Self.post + "Content-Length: \(Self.body.utf8.count)\r\n\r\n" + Self.body
            for last in ["NONSENSE / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"] {
                let answer = try await RawConnection.exchange(port: server.port, [get + login + get + last + get])
                let statuses = answer.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
                #expect(statuses == ["200", "401", "200", last.hasPrefix("N") ? "501" : "417"], "\(answer)")
            }
        }
    }

    // FAULTS C12
    @Test(arguments: [
        ("Content-Length: 104857600\r\n\r\n", String(repeating: " ", count: 1 << 16)),
        ("Transfer-Encoding: chunked\r\n\r\n", "10000\r\n" + String(repeating: " ", count: 1 << 16) + "\r\n"),
    ])
    func `The rest of a body that is too large is not read, and the connection ends soon after the answer`(
        _ framing: String, chunk: String
    ) async throws {
        var options = LiveServer.Options()
        options.limits.request = 3600
        options.limits.idle = 3600
        try await LiveServer.run(options) { server in
            let start = ContinuousClock.now
            let (answer, sent) = try await RawConnection.flood(
                port: server.port, opening: Self.post + framing, chunk: chunk, limit: 104_857_600)
            #expect(answer.hasPrefix("HTTP/1.1 413"), "\(answer)")
            #expect(answer.contains("Connection: close"))
            // What the system's buffers take is not the server's affair, but has a bound of some megabytes.
            #expect(sent < 64 << 20, "\(sent) bytes were taken")
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(try await server.send(.GET, PawlPath.keys).status == 200)
        }
    }

    // FAULTS C11
    @Test(arguments: ["gzip", "br, gzip", "x"])
    func `A body with a Content-Encoding is answered 415, and the answer names the accepted coding`(_ coding: String)
        async throws
    {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let json = [UInt8](#"{"refresh_token":"\#(tokens.refreshToken ?? "")"}"#.utf8)
            func refresh(_ coding: String) async throws -> TestAPI.Answer {
                try await server.send(
                    .POST, PawlPath.refresh, headers: TestAPI.json.merging(["Content-Encoding": coding]) { $1 },
                    body: json)
            }
            let answer = try await refresh(coding)
            #expect(answer.status == 415)
            #expect(try answer.problem.code == .unsupportedMediaType)
            #expect(answer.headers["Accept-Encoding"] == ["identity"])
            #expect(try await refresh("identity").status == 200, "nothing was consumed")
        }
    }

    // FAULTS C5
    @Test
    func
        `A head that is too large is answered 431 with a problem that pages can read, and the account pages still load`()
        async throws
    {
        var options = LiveServer.Options()
        let app = try #require(WebOrigin("https://app.test"))
        options.configure = { $0.origins = [app] }
        try await LiveServer.run(options) { server in
            let sent = [
                "Cookie": "x=" + String(repeating: "x", count: 17 * 1024), "Origin": "https://app.test",
                "Sec-Fetch-Site": "same-site",
            ]
            for (method, path) in [(HTTPMethod.POST, PawlPath.refresh), (.GET, PawlPath.session)] {
                let answer = try await server.send(method, path, headers: sent)
                #expect(answer.status == 431)
                #expect(try answer.problem.code == .headerFieldsTooLarge)
                #expect(try answer.problem.detail.contains("delete the cookies"))
                #expect(answer.headers["Access-Control-Allow-Origin"] == ["https://app.test"])
                #expect(answer.headers["Cache-Control"] == ["no-store"])
            }
            for path in ["/account/sign-in", "/pawl.js", "/account/assets/account.js"] {
                #expect(try await server.send(.GET, path, headers: sent).status == 200, "\(path)")
            }
            let huge = ["Cookie": "x=" + String(repeating: "x", count: 40 * 1024)]
            let answer = try await server.send(.GET, "/account", headers: huge)
            #expect(answer.status == 431)
            #expect(try answer.problem.detail.contains("delete the cookies"))
        }
    }

    // FAULTS C2
    @Test(arguments: [
        "/auth/login/", "//auth/login", "/auth//login", "//auth//login", "/auth/login//", "/auth/%6Cogin",
        "/auth%2Flogin", "/%61uth/login", "/auth/./login", "/auth/x/../login", "/auth/login/.", "/auth/login;x=1",
        "/auth;x/login", "/AUTH/login", "/auth/Login", "/auth/login%00", "/auth/login%20", "/auth/login%2F",
        #"/auth\login"#, "/auth/login#x", "/x/..//auth/login",
    ])
    func `Only one spelling of a path works; every other is 404, so that nothing gets round the rules of a proxy`(
        _ path: String
    ) async throws {
        try await LiveServer.run { server in
            let answer = try await RawConnection.exchange(
                port: server.port,
                [
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(Self.body.utf8.count)\r\n\r\n\(Self.body)"
                ])
            #expect(answer.contains(#/^HTTP/1\.1 (404|400) /#), "\(answer)")
            #expect(!server.logs.text.contains("login_failed"), "no password was looked at")
        }
    }

    // FAULTS C2
    @Test
    func `Every route is 404 under its path with an empty segment`() async throws {
        try await LiveServer.run { server in
            for path in [
                PawlPath.register, PawlPath.refresh, PawlPath.logout, PawlPath.sessions, PawlPath.sessions + "/x",
                PawlPath.password, PawlPath.keys, PawlPath.account, PawlPath.browserClient, PawlPath.metrics,
                PawlPath.readiness, PawlPath.adminUsers, PawlPath.adminUsers + "/x/sessions",
            ] {
                for odd in [path + "/", "/" + path, path.replacing(/\/([^\/]*)$/, with: { "//\($0.1)" })] {
                    for method in [HTTPMethod.GET, .POST] {
                        let answer = try await server.send(method, odd)
                        #expect(answer.status == 404, "\(method) \(odd)")
                    }
                }
            }
        }
    }
}

@Suite("Connections that are held open", .tags(.p10), .timeLimit(.minutes(2)))
struct HeldConnectionTests {
    // FAULTS F11
    @Test(arguments: [
        "", "GET / HTTP/1.1\r\nHost: a", "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
    ])
    func
        `A client that holds every connection open keeps nobody else waiting, and no request that is being answered is cut`(
            _ opening: String
        ) async throws
    {
        let hasher = ShutdownTests.HeldHasher()
        var options = LiveServer.Options()
        options.hasher = hasher
        options.limits.connections = 8
        options.limits.idle = 3600
        options.limits.request = 3600
        try await LiveServer.run(options) { server in
            _ = try await server.register("alice@example.com")
            hasher.hold()
            async let login = server.login("alice@example.com")
            for await _ in hasher.held.stream { break }
            // The system's queue is served in its order: these come first.
            var channels: [any Channel] = []
            for _ in 0..<40 {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: server.port).get()
                channel.writeAndFlush(ByteBuffer(string: opening), promise: nil)  // it may be closed already
                channels.append(channel)
            }
            for _ in 0..<3 {
                let answer = try await RawConnection.exchange(
                    port: server.port, ["GET \(PawlPath.keys) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
                #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
            }
            for channel in channels { try? await channel.close() }  // most are closed
            hasher.letGo()
            #expect(try await login.status == 200)
        }
    }

    // FAULTS F11
    @Test
    func `A request on the connection that fills the limit is answered, though all others are busy`() async throws {
        let hasher = ShutdownTests.HeldHasher()
        var options = LiveServer.Options()
        options.hasher = hasher
        options.limits.connections = 4
        try await LiveServer.run(options) { server in
            _ = try await server.register("alice@example.com")
            hasher.hold()
            let body = #"{"identifier":"alice@example.com","password":"x"}"#
            let login = """
                POST \(PawlPath.login) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: \(body.utf8.count)\r\n\r\n\(body)
                """
            var channels: [any Channel] = []
            for _ in 0..<3 {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: server.port).get()
                try await channel.writeAndFlush(ByteBuffer(string: login))
                channels.append(channel)
            }
            for await _ in hasher.held.stream { break }
            for _ in 0..<3 {
                let answer = try await RawConnection.exchange(
                    port: server.port, ["GET \(PawlPath.keys) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
                #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
            }
            hasher.letGo()
            for channel in channels { try? await channel.close() }  // some are closed already
        }
    }

}
