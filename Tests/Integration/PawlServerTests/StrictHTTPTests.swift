import NIOHTTP1
import PawlAPI
import PawlCore
import PawlServer
import PawlTesting
import Testing

@Suite("Odd and hostile requests", .timeLimit(.minutes(5)))
struct StrictHTTPTests {
    @Test(
        .tags(.p12),
        arguments: [
            (PawlPath.register, "POST"), (PawlPath.login, "POST"), (PawlPath.refresh, "POST"),
            (PawlPath.logout, "POST"),
            (PawlPath.logoutOthers, "POST"), (PawlPath.logoutAll, "POST"), (PawlPath.session, "GET"),
            (PawlPath.sessions, "GET"), (PawlPath.sessions + "/x", "DELETE, PATCH"), (PawlPath.reauthenticate, "POST"),
            (PawlPath.password, "PUT"), (PawlPath.keys, "GET"), (PawlPath.metadata, "GET"),
        ])
    func `A wrong method is 405 with Allow, and consumes nothing`(_ path: String, allowed: String) async throws {
        try await LiveServer.run { server in
            // FAULTS C7: any method that HTTP knows, not the common ones alone.
            for method in [
                HTTPMethod.GET, .POST, .PUT, .PATCH, .DELETE, .OPTIONS, .TRACE, .RAW(value: "QUERY"), .PROPFIND, .LINK,
                .UNLINK, .ACL, .BIND, .CHECKOUT, .COPY, .LOCK, .MERGE, .MKACTIVITY, .MKCALENDAR, .MKCOL, .MOVE, .NOTIFY,
                .PROPPATCH, .PURGE, .REBIND, .REPORT, .SEARCH, .SUBSCRIBE, .UNBIND, .UNLOCK, .UNSUBSCRIBE,
                .RAW(value: "M-SEARCH"), .RAW(value: "SOURCE"),
            ] where !allowed.contains(method.rawValue) {
                let answer = try await server.send(
                    method, path, headers: ["X-HTTP-Method-Override": "POST"])
                #expect(answer.status == 405, "\(method) \(path)")
                #expect(answer.headers["Allow"] == [allowed])
                #expect(answer.headers["Cache-Control"] == ["no-store"])
            }
        }
    }

    @Test(.tags(.p12))
    func `Only one JSON object in UTF-8, named as such, is read; nothing else consumes a token`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let token = tokens.refreshToken ?? ""
            let good = "{\"refresh_token\":\"\(token)\"}"
            let deep = String(repeating: "[", count: 10_000)
            let cases: [(String?, [UInt8], Int)] = [
                (nil, [UInt8](good.utf8), 415),
                ("text/plain", [UInt8](good.utf8), 415),
                ("application/x-www-form-urlencoded", [UInt8]("refresh_token=\(token)".utf8), 415),
                ("multipart/form-data; boundary=x", [UInt8](good.utf8), 415),
                ("application/json; charset=utf-16", [UInt8](good.utf8), 415),
                ("application/json", [], 400),
                ("application/json", [0xEF, 0xBB, 0xBF] + [UInt8](good.utf8), 400),
                ("application/json", [UInt8]("[\(good)]".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":\"\(token)\",\"refresh_token\":\"x\"}".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":\(deep)}".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":7}".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":\"\(token)\",\"x\":01}".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":\"\(token)\",\"x\":\"\\q\"}".utf8), 400),
                ("application/json", [UInt8]("{\"other\":\"\(token)\"}".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":\"".utf8) + [0xC3, 0x28] + [UInt8]("\"}".utf8), 400),
                ("application/json", [UInt8]("{\"refresh_token\":\"\\ud800\"}".utf8), 400),
                ("application/json", [UInt8](repeating: UInt8(ascii: " "), count: 17 * 1024), 413),
            ]
            for (type, body, status) in cases {
                let answer = try await server.send(
                    .POST, PawlPath.refresh, headers: type.map { ["Content-Type": $0] } ?? [:], body: body)
                #expect(answer.status == status, "\(type ?? "") \(String(decoding: body.prefix(60), as: UTF8.self))")
                #expect(answer.headers["Content-Type"] == [Problem.contentType])
                #expect(answer.headers["Cache-Control"] == ["no-store"])
                #expect(!answer.text.contains(token))
            }
            let query = try await server.send(.POST, "\(PawlPath.refresh)?refresh_token=\(token)")
            #expect(query.status == 400)
            #expect(try await server.refresh(token).status == 200)
        }
    }

    @Test
    func `Every answer carries the protective headers, errors and unknown paths included`() async throws {
        try await LiveServer.run { server in
            for path in [PawlPath.session, PawlPath.keys, "/nothing/here", "/auth/nothing"] {
                let answer = try await server.send(.GET, path)
                #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"])
                #expect(answer.headers["Content-Security-Policy"].first?.contains("frame-ancestors 'none'") == true)
                #expect(answer.headers["Referrer-Policy"] == ["no-referrer"])
                #expect(answer.headers["X-Request-Id"].count == 1)
                #expect(answer.headers["Server"].isEmpty)
                #expect(answer.headers["Cache-Control"] == [path == PawlPath.keys ? "public, max-age=300" : "no-store"])
            }
        }
    }

    @Test(arguments: [
        "GET /auth/session HTTP/1.1\r\n\r\n",
        "GET /auth/session HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 40_000) + "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: x\r\n", count: 101) + "\r\n",
        "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabcde\r\n0\r\n\r\n",
        "NONSENSE\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    ])
    func `Broken and smuggled requests are refused and cut, and the server lives on`(_ bytes: String) async throws {
        try await LiveServer.run { server in
            let answer = try await RawConnection.exchange(port: server.port, [bytes], closeAfter: true)
            #expect(answer.contains(#/^HTTP/1\.1 (400|431|501|505) /#), "\(answer.prefix(80))")
            #expect(answer.contains(Problem.contentType))
            #expect(answer.split(separator: "HTTP/1.1 ").count == 1, "one answer")
            #expect(try await server.send(.GET, PawlPath.keys).status == 200)
        }
    }

    @Test(arguments: [
        ["GET /auth/session HTTP/1.1\r\nHo"],
        [
            "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n",
            "{",
        ],
        ["POST /auth/refresh HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n{\r\n"],
        [],
    ])
    func `A slow client is cut at its deadline, however it dribbles; a healthy one is served meanwhile`(
        _ parts: [String]
    ) async throws {
        var options = LiveServer.Options()
        options.limits.idle = 1
        options.limits.request = 1
        try await LiveServer.run(options) { server in
            async let cut = RawConnection.exchange(port: server.port, parts)
            #expect(try await server.send(.GET, PawlPath.keys).status == 200)
            _ = try await cut  // returns only because the server closes the connection
        }
    }

    @Test
    func `The key set holds public members only`() async throws {
        try await LiveServer.run { server in
            let answer = try await server.send(.GET, PawlPath.keys)
            for member in ["\"d\"", "\"k\"", "\"p\"", "\"q\""] { #expect(!answer.text.contains(member)) }
            let metadata = try await server.send(.GET, PawlPath.metadata).decode(ServerMetadata.self)
            #expect(metadata.issuer == LiveServer.publicURL)
            #expect(metadata.jwksURI == LiveServer.publicURL + PawlPath.keys)
        }
    }
}
