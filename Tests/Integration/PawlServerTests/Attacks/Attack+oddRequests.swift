import NIOHTTP1
import PawlAPI
import PawlServer
import PawlTesting
import Testing

extension Attack {
    private static let alice = "alice@example.com"

    static let byOddRequests: [Attack] = [
        Attack("GET/HEAD/OPTIONS/TRACE/`X-HTTP-Method-Override: DELETE` on state changes") { server in
            let tokens = try await server.register(alice)
            let own = "\(PawlPath.sessions)/\(tokens.sessionID)"
            for method in [HTTPMethod.GET, .HEAD, .OPTIONS, .TRACE] {
                for path in [PawlPath.refresh, PawlPath.logout, PawlPath.logoutAll, PawlPath.password, own] {
                    for name in ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"] {
                        let headers = TestAPI.bearer(tokens).merging([name: "DELETE"]) { $1 }
                        let answer = try await server.send(method, "\(path)?_method=DELETE", headers: headers)
                        #expect(answer.status == 405, "\(method) \(path)")
                    }
                }
            }
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        },
        Attack("list or end another user's session by id (IDOR), guess sequential ids") { server in
            let victim = try await server.register(alice)
            let mallory = try await server.register("mallory@example.com")
            let unknown = try await server.send(
                .DELETE, "\(PawlPath.sessions)/\(String(repeating: "0", count: 32))", headers: TestAPI.bearer(mallory))
            #expect(unknown.status == 404)
            let known = try await server.send(
                .DELETE, "\(PawlPath.sessions)/\(victim.sessionID)", headers: TestAPI.bearer(mallory))
            #expect(known.telltale == unknown.telltale)
            let list = try await server.get(PawlPath.sessions, mallory).decode(SessionList.self)
            #expect(list.sessions.map(\.id) == [mallory.sessionID])
            let ids = [victim.sessionID, mallory.sessionID, try await server.login(alice).tokens.sessionID]
            #expect(Set(ids.map { $0.suffix(16) }).count == 3, "64 random bits at least: nothing to guess")
            #expect(try await server.refresh(victim.refreshToken).status == 200)
        },
        Attack("oversized JSON body (100 MiB), chunked without end, gzip bomb, 1 e6 form fields") { server in
            let tokens = try await server.register(alice)
            let head = "POST \(PawlPath.refresh) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            let declared = try await RawConnection.exchange(
                port: server.port, [head + "Content-Length: 104857600\r\n\r\n{"], closeAfter: true)
            #expect(declared.hasPrefix("HTTP/1.1 413"), "before the body has come")
            let chunk = "4000\r\n" + String(repeating: " ", count: 0x4000) + "\r\n"
            let endless = try await RawConnection.exchange(
                port: server.port, [head + "Transfer-Encoding: chunked\r\n\r\n"] + Array(repeating: chunk, count: 64))
            #expect(endless.hasPrefix("HTTP/1.1 413"))
            let zip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + Array(repeating: 0, count: 100)
            let bomb = try await server.send(
                .POST, PawlPath.refresh, headers: TestAPI.json.merging(["Content-Encoding": "gzip"]) { $1 }, body: zip)
            #expect(bomb.status == 415, "nothing is unpacked")
            let form = [UInt8](String(repeating: "a=b&", count: 1_000_000).utf8)
            do {
                let fields = try await server.send(
                    .POST, PawlPath.refresh, headers: ["Content-Type": "application/x-www-form-urlencoded"], body: form)
                #expect([413, 415].contains(fields.status))
            } catch {
                // Cut while it was still sending: as good an answer.
            }
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        },
        Attack("wrong content types: JSON to token endpoint, form to JSON API, `application/json;charset=utf-16`, BOM")
        {
            server in
            let token = try await server.register(alice).refreshToken ?? ""
            let json = [UInt8](#"{"refresh_token":"\#(token)"}"#.utf8)
            let cases: [(String?, [UInt8], Int)] = [
                (nil, json, 415), ("application/jsonp", json, 415), ("text/json", json, 415),
                ("application/x-www-form-urlencoded", [UInt8]("refresh_token=\(token)".utf8), 415),
                ("application/json;charset=utf-16", json.flatMap { [$0, 0] }, 415),
                ("application/json", json.flatMap { [$0, 0] }, 400),
                ("application/json", [0xEF, 0xBB, 0xBF] + json, 400),
            ]
            for (type, body, status) in cases {
                let headers = type.map { ["Content-Type": $0] } ?? [:]
                #expect(try await server.send(.POST, PawlPath.refresh, headers: headers, body: body).status == status)
            }
            #expect(try await server.refresh(token).status == 200)
        },
        Attack(
            "slow-loris headers, slow body, slow read, idle TLS handshakes ×1000",
            prepare: {
                $0.limits.idle = 2
                $0.limits.request = 2
                $0.limits.answer = 2
            }
        ) { server in
            // A thousand against the real binary are HostileClientTests'.
            let openings = ["", "GET /auth/session HTTP/1.1\r\nHost: a\r\nX-Slow: ", "\u{16}\u{3}\u{1}\u{2}"]
            let body = "POST \(PawlPath.refresh) HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for opening in openings + [body] {
                    for _ in 0..<20 {
                        // Returns only because the server closes the connection.
                        group.addTask { _ = try await RawConnection.exchange(port: server.port, [opening]) }
                    }
                }
                let start = ContinuousClock.now
                #expect(try await server.send(.GET, PawlPath.keys).status == 200)
                #expect(ContinuousClock.now - start < .seconds(1))
                try await group.waitForAll()
            }
        },
        Attack("request smuggling: CL and TE, two lengths, folded and broken fields, chunks that lie") { server in
            let path = PawlPath.refresh
            let smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let post = "POST \(path) HTTP/1.1\r\nHost: a\r\n"
            let ambiguous = [
                post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + smuggled,
                post + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + smuggled,
                post + "Content-Length: 0, 44\r\n\r\n" + smuggled, post + "Content-Length: +0\r\n\r\n" + smuggled,
                post + "Content-Length: 0x0\r\n\r\n" + smuggled, post + "Content-Length: -1\r\n\r\n" + smuggled,
                post + "Content-Length: 99999999999999999999\r\n\r\n" + smuggled,
                post + "Content-Length : 44\r\n\r\n" + smuggled,
                post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding:\u{B}chunked\r\n\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + smuggled,
                post + "X: a\r\n folded\r\nContent-Length: 0\r\n\r\n" + smuggled,
                post + " Content-Length: 44\r\n\r\n" + smuggled,
                post + "X\0Y: a\r\nContent-Length: 0\r\n\r\n" + smuggled,
                post + "X: a\rContent-Length: 44\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" + smuggled,
                "GET /healthz HTTP/1.1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + smuggled,
                "GET\t/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + smuggled,
            ]
            for request in ambiguous {
                let answer = try await RawConnection.exchange(port: server.port, [request], closeAfter: true)
                let statuses = answer.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
                #expect(!statuses.contains("200"), "\(request.debugDescription): \(answer)")
                #expect(statuses.count <= 1, "\(request.debugDescription): \(answer)")
            }
            // What is odd and plain: one request, and the next is another.
            for request in [
                post + "Transfer-Encoding: chunked\r\n\r\n3;name=value\r\nabc\r\n0\r\n\r\n" + smuggled,
                post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n" + smuggled,
            ] {
                let answer = try await RawConnection.exchange(port: server.port, [request], closeAfter: true)
                let statuses = answer.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
                #expect(statuses == ["415", "200"] || statuses == ["400"], "\(request.debugDescription): \(answer)")
            }
        },
    ]
}
