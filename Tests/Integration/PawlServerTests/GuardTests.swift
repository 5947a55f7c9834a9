import AsyncHTTPClient
import Hummingbird
import JWTKit
import Logging
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlGuard
import PawlJOSE
import PawlServer
import PawlTesting
import ServiceLifecycle
import Testing

@Suite("Guards", .timeLimit(.minutes(5)))
struct GuardTests {
    @Test(arguments: [
        ([String: String](), 401, "Bearer realm=\"pawl\""),
        (["Authorization": "Basic YTpi"], 401, "Bearer realm=\"pawl\""),
        (["Authorization": "Bearer"], 400, "error=\"invalid_request\""),
        (["Authorization": "Bearer a b"], 400, "error=\"invalid_request\""),
        (["Authorization": "Bearer a\"b"], 400, "error=\"invalid_request\""),
        (["Authorization": "Bearer garbage"], 401, "error=\"invalid_token\""),
        (["Authorization": "Bearer a.b.c"], 401, "error=\"invalid_token\""),
    ])
    func `RFC 6750 to the letter: challenges for every way of asking`(
        _ headers: [String: String], status: Int, challenge: String
    ) async throws {
        try await LiveServer.run { server in
            let answer = try await server.send(.GET, "/guarded", headers: headers)
            #expect(answer.status == status)
            let value = try #require(answer.headers["WWW-Authenticate"].first)
            #expect(value.hasPrefix("Bearer "))
            #expect(value.contains(challenge))
            if headers.isEmpty { #expect(!value.contains("error")) }
        }
    }

    @Test
    func `A token in the query is not read; the scheme's case does not matter`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            #expect(try await server.send(.GET, "/guarded?access_token=\(tokens.accessToken)").status == 401)
            let lower = try await server.send(
                .GET, "/guarded", headers: ["Authorization": "bEaReR  \(tokens.accessToken)"])
            #expect(lower.status == 200)
            #expect(lower.text == tokens.subject)
        }
    }

    @Test(.tags(.p2))
    func `An access token is dead at the end of its lifetime, to the second`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            server.clock.advance(by: 899)
            #expect(try await server.get("/guarded", tokens).status == 200)
            server.clock.advance(by: 1)
            #expect(try await server.get("/guarded", tokens).status == 401)
        }
    }

    @Test(
        .tags(.p2),
        arguments: [
            SignatureAlgorithm.es256, .edDSA,
        ])
    func `An independent library accepts our tokens by our published keys`(_ algorithm: SignatureAlgorithm) async throws
    {
        struct Claims: JWTPayload {
            let sub: SubjectClaim
            let iss: IssuerClaim
            let exp: ExpirationClaim
            func verify(using algorithm: some JWTAlgorithm) throws {}
        }
        var options = LiveServer.Options()
        options.configure = { $0.signingAlgorithm = algorithm }
        try await LiveServer.run(options) { server in
            let tokens = try await server.register("alice@example.com")
            let keys = JWTKeyCollection()
            try await keys.add(jwksJSON: try await server.send(.GET, PawlPath.keys).text)
            let claims = try await keys.verify(tokens.accessToken, as: Claims.self)
            #expect(claims.sub.value == tokens.subject)
            #expect(claims.iss.value == LiveServer.publicURL)
        }
    }

    @Test(.tags(.p2))
    func `An API on another port finds the keys, checks tokens, and asks for scope and role`() async throws {
        let port = try await freePort()
        var options = LiveServer.Options()
        options.port = port
        // The published keys are fetched by the real clock's guard, so the server's clock is the real one too.
        options.clock = ManualClock(WallClock.system.now)
        options.configure = { $0.publicURL = "http://127.0.0.1:\(port)" }
        try await LiveServer.run(options) { server in
            let logs = LogCapture()
            let router = Router(context: GuardedContext.self)
            router.add(middleware: PawlGuard(issuer: "http://127.0.0.1:\(port)", logger: logs.logger))
            router.get("open") { _, context in context.accessToken?.subject ?? "" }
            router.group("notes").add(middleware: RequireScope("notes:read")).get { _, _ in "notes" }
            router.group("report").add(middleware: RequireRole(anyOf: "editor")).get { _, _ in "report" }
            try await withApplication(router) { api in
                let tokens = try await server.register("alice@example.com")
                // The first requests of all come together, before there is a key: each waits for the one fetch.
                let first = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<20 { group.addTask { try await api.get("/open", tokens).status } }
                    return try await group.reduce(into: [Int]()) { $0.append($1) }
                }
                #expect(first == Array(repeating: 200, count: 20))
                #expect(try await api.get("/open", tokens).text == tokens.subject)
                let scope = try await api.get("/notes", tokens)
                #expect(scope.status == 403)
                let challenge = try #require(scope.headers["WWW-Authenticate"].first)
                #expect(challenge.contains("error=\"insufficient_scope\""))
                #expect(challenge.contains("scope=\"notes:read\""))
                #expect(try await api.get("/report", tokens).status == 403)

                let alice = try #require(Identifier("alice@example.com"))
                _ = try await server.pawl.engine.accounts.administer(
                    alice, UserChange(roles: ["editor"], scope: ["notes:read"], at: server.clock.now))
                let next = try await server.refresh(tokens.refreshToken).tokens
                #expect(try await api.get("/notes", next).status == 200)
                #expect(try await api.get("/report", next).status == 200)
                #expect(try await api.get("/report", tokens).status == 403, "the old token says the old role")

                let foreign = SigningKey(id: "foreign", generating: .es256)
                let forged = try foreign.sign(
                    AccessTokenClaims(
                        issuer: "http://127.0.0.1:\(port)", subject: "x", audience: ["http://127.0.0.1:\(port)"],
                        expiresAt: server.clock.now.seconds + 100, issuedAt: server.clock.now.seconds, id: "1",
                        clientID: "c"))
                #expect(try await api.send(.GET, "/open", headers: ["Authorization": "Bearer \(forged)"]).status == 401)
            }
        }
    }

    @Test
    func `An issuer that stalls in the middle of its answer does not stall a guard`() async throws {
        let (held, release) = AsyncStream<Void>.makeStream()
        let issuer = Router(context: GuardedContext.self)
        issuer.get(".well-known/oauth-authorization-server") { _, _ in
            Response(
                status: .ok,
                body: .init { writer in
                    try await writer.write(ByteBuffer(string: "{"))
                    for await _ in held {}
                    try await writer.finish(nil)
                })
        }
        try await withApplication(issuer) { stalling in
            defer { release.finish() }
            let router = Router(context: GuardedContext.self)
            router.add(
                middleware: PawlGuard(issuer: "http://127.0.0.1:\(stalling.port)", logger: LogCapture().logger))
            router.get("open") { _, _ in "" }
            try await withApplication(router) { api in
                let answer = try await api.send(.GET, "/open", headers: ["Authorization": "Bearer a.b.c"])
                #expect(answer.status == 503)
            }
        }
    }

    @Test
    func `Without its issuer a guard answers 503, not 401: nobody is signed out by an outage`() async throws {
        let port = try await freePort()
        let router = Router(context: GuardedContext.self)
        router.add(middleware: PawlGuard(issuer: "http://127.0.0.1:\(port)", logger: LogCapture().logger))
        router.get("open") { _, _ in "" }
        try await withApplication(router) { api in
            let answer = try await api.send(.GET, "/open", headers: ["Authorization": "Bearer a.b.c"])
            #expect(answer.status == 503)
            #expect(answer.headers["Retry-After"].count == 1)
        }
    }
}
