import NIOHTTP1
import PawlAPI
import PawlServer
import PawlTesting
import Testing

@Suite("Pages of other origins", .timeLimit(.minutes(5)))
struct CrossOriginTests {
    private static let alice = "alice@example.com"
    private static let app = "https://app.example.com"
    private static let native = "capacitor://localhost"

    private static func run(_ body: @Sendable (LiveServer) async throws -> Void) async throws {
        var options = LiveServer.Options()
        options.configure = {
            $0.origins = [WebOrigin(app)!]
            $0.nativeOrigins = [WebOrigin(native)!]
        }
        try await LiveServer.run(options, body)
    }

    private static func preflight(_ server: LiveServer, _ path: String, from origin: String) async throws
        -> TestAPI.Answer
    {
        try await server.send(
            .OPTIONS, path,
            headers: [
                "Origin": origin, "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,idempotency-key", "Sec-Fetch-Site": "cross-site",
            ])
    }

    @Test(.tags(.p12))
    func `A configured one signs in and may read every answer, errors included`() async throws {
        try await Self.run { server in
            _ = try await server.register(Self.alice)
            let page = ["Origin": Self.app, "Sec-Fetch-Site": "same-site"]
            let browser = try await server.signInByBrowser(Self.alice, headers: page)
            let answers: [(Int, TestAPI.Answer)] = [
                (200, try await server.browse(.POST, PawlPath.refresh, cookie: browser.cookie, headers: page)),
                (401, try await server.browse(.POST, PawlPath.refresh, headers: page)),
                (400, try await server.browse(.POST, PawlPath.refresh, cookie: "a; __Host-Http-pawl=b", headers: page)),
                (
                    413,
                    try await server.send(
                        .POST, PawlPath.login, headers: page, body: .init(repeating: 0, count: 20_000))
                ),
                (405, try await server.browse(.PUT, PawlPath.refresh, headers: page)),
                (404, try await server.browse(.GET, "/auth/nothing", headers: page)),
                (
                    200,
                    try await server.send(
                        .GET, PawlPath.session, headers: page.merging(TestAPI.bearer(browser.tokens)) { $1 })
                ),
                (204, try await server.browse(.POST, PawlPath.logout, cookie: browser.cookie, headers: page)),
                (204, try await Self.preflight(server, PawlPath.refresh, from: Self.app)),
            ]
            for (status, answer) in answers {
                #expect(answer.status == status)
                #expect(answer.headers["Access-Control-Allow-Origin"] == [Self.app])
                #expect(answer.headers["Access-Control-Allow-Credentials"] == ["true"])
                #expect(
                    answer.headers["Access-Control-Expose-Headers"] == ["Retry-After, WWW-Authenticate, X-Request-Id"])
                #expect(answer.headers["Vary"] == ["Origin, Sec-Fetch-Site"])
            }
        }
    }

    @Test(.tags(.p12))
    func `A preflight allows the path's methods and the fields that are needed`() async throws {
        try await Self.run { server in
            for (path, methods) in [
                (PawlPath.refresh, "POST"), (PawlPath.sessions, "GET"), ("\(PawlPath.sessions)/x", "DELETE, PATCH"),
                (PawlPath.password, "PUT"),
            ] {
                let answer = try await Self.preflight(server, path, from: Self.app)
                #expect(answer.status == 204)
                #expect(answer.headers["Access-Control-Allow-Methods"] == [methods])
                #expect(
                    answer.headers["Access-Control-Allow-Headers"] == ["authorization, content-type, idempotency-key"])
                #expect(answer.headers["Access-Control-Max-Age"] == ["600"])
                #expect(answer.headers["Set-Cookie"].isEmpty)
            }
            for origin in ["https://evil.example.com", "null"] {
                let answer = try await Self.preflight(server, PawlPath.refresh, from: origin)
                #expect(answer.status == 405)
                #expect(!answer.headers.contains { $0.name.lowercased().hasPrefix("access-control-") })
            }
            // What operators use is for no page at all.
            let operations = try await Self.preflight(server, PawlPath.adminUsers, from: Self.app)
            #expect(operations.status == 405)
            #expect(!operations.headers.contains { $0.name.lowercased().hasPrefix("access-control-") })
        }
    }

    @Test(.tags(.p12))
    func `A native one gets its token in the body, never a cookie, and may not send one`() async throws {
        try await Self.run { server in
            _ = try await server.register(Self.alice)
            let page = ["Origin": Self.native, "Sec-Fetch-Site": "cross-site"]
            let login = try await server.login(Self.alice, headers: page)
            #expect(login.status == 200)
            #expect(login.headers["Set-Cookie"].isEmpty)
            #expect(login.headers["Access-Control-Allow-Origin"] == [Self.native])
            #expect(login.headers["Access-Control-Allow-Credentials"].isEmpty)
            let refreshed = try await server.refresh(login.tokens.refreshToken, headers: page)
            #expect(refreshed.status == 200)
            #expect(try refreshed.tokens.refreshToken != nil)
            #expect(try await Self.preflight(server, PawlPath.refresh, from: Self.native).status == 204)
            let cookie = try await server.signInByBrowser(Self.alice).cookie
            let bearing = try await server.browse(.POST, PawlPath.refresh, cookie: cookie, headers: page)
            #expect(try bearing.problem.code == .crossSiteRequest)
        }
    }

    @Test(.tags(.p12))
    func `A stranger is refused before the body is looked at, however large`() async throws {
        try await Self.run { server in
            let stranger = ["Origin": "https://evil.example.com", "Content-Type": "text/plain"]
            for body in [[], [UInt8](repeating: 0, count: 20_000)] {
                let answer = try await server.send(.POST, PawlPath.login, headers: stranger, body: body)
                #expect(answer.status == 403)
                #expect(try answer.problem.code == .crossSiteRequest)
                #expect(try answer.problem.detail.contains(LiveServer.publicURL))
            }
        }
    }

    @Test(.tags(.p12))
    func `Every answer has the headers that keep browsers strict`() async throws {
        try await Self.run { server in
            for (method, path) in [
                (HTTPMethod.GET, PawlPath.keys), (.GET, PawlPath.session), (.POST, PawlPath.refresh),
                (.GET, "/nothing"),
                (.PUT, PawlPath.login), (.OPTIONS, PawlPath.login),
            ] {
                let answer = try await server.send(method, path)
                #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"])
                #expect(answer.headers["Referrer-Policy"] == ["no-referrer"])
                #expect(
                    answer.headers["Content-Security-Policy"] == [
                        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
                    ])
                let isPublic = path == PawlPath.keys
                #expect(answer.headers["Access-Control-Allow-Origin"] == (isPublic ? ["*"] : []))
                #expect(answer.headers["Vary"] == (isPublic ? [] : ["Origin, Sec-Fetch-Site"]))
                #expect(answer.headers["Cross-Origin-Resource-Policy"] == (isPublic ? [] : ["same-origin"]))
            }
        }
    }

    @Test(.tags(.p12))
    func `Origins change while the server runs`() async throws {
        try await Self.run { server in
            _ = try await server.register(Self.alice)
            let new = "https://new.example.com"
            #expect(try await server.login(Self.alice, headers: ["Origin": new]).status == 403)
            server.pawl.allow(origins: [WebOrigin(new)!], nativeOrigins: [])
            #expect(try await server.login(Self.alice, headers: ["Origin": new]).status == 200)
            for gone in [Self.app, Self.native] {
                #expect(try await server.login(Self.alice, headers: ["Origin": gone]).status == 403)
            }
            #expect(try await server.login(Self.alice, headers: LiveServer.ownPage).status == 200)
        }
    }
}
