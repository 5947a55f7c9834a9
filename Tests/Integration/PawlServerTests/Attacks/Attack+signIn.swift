import Foundation
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlPasswords
import PawlServer
import PawlTesting
import Testing

extension Attack {
    private static let alice = "alice@example.com"

    static let atSignIn: [Attack] = [
        Attack("login 10 000× wrong password, one account") { server in
            _ = try await server.register(alice)
            var throttled: TestAPI.Answer?
            for _ in 0..<100 {
                let answer = try await server.login(alice, password: "wrong horse battery")
                if answer.status == 429 { throttled = answer }
            }
            let wait = try #require(throttled?.headers["Retry-After"].first.flatMap { Int64($0) })
            // The stranger's tries go on from elsewhere meanwhile; nothing locks the owner out for good.
            server.clock.advance(by: wait)
            #expect(try await server.login(alice).status == 200)
        },
        Attack(
            "one password over many accounts, many `X-Forwarded-For` values",
            prepare: { $0.hasher = Argon2idHasher(workers: 1, capacity: 2) }
        ) { server in
            for number in 0..<3 { _ = try await server.register("user-\(number)@example.com") }
            var throttled = 0
            for number in 0..<30 {
                let answer = try await server.login(
                    "user-\(number % 3)@example.com", password: "password for everyone",
                    headers: ["X-Forwarded-For": "203.0.113.\(number)"])
                if answer.status == 429 { throttled += 1 }
            }
            #expect(throttled > 0, "per account, whatever the header says")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<120 { group.addTask { try await server.login("nobody-\(number)").status } }
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            #expect(statuses.contains(503), "all accounts together, by the bound on hashing")
            #expect(!server.logs.text.contains("203.0.113."))
        },
        Attack(
            "unknown vs known user, 200 samples each",
            prepare: { $0.hasher = Argon2idHasher() }
        ) { server in
            let samples = 40
            for number in 0..<samples { _ = try await server.register("known-\(number)@example.com") }
            var times: [String: [Duration]] = [:]
            var telltales: Set<String> = []
            for number in 0..<samples {
                // Turn about, so that whatever else the machine does weighs on both.
                for kind in number.isMultiple(of: 2) ? ["known", "unknown"] : ["unknown", "known"] {
                    let start = ContinuousClock.now
                    let answer = try await server.login(
                        "\(kind)-\(number)@example.com", password: "wrong horse battery")
                    times[kind, default: []].append(ContinuousClock.now - start)
                    telltales.insert(answer.telltale)
                }
            }
            #expect(telltales.count == 1, "\(telltales)")
            func median(_ kind: String) -> Double { (times[kind, default: []].sorted()[samples / 2]) / .seconds(1) }
            let ratio = median("known") / median("unknown")
            #expect(ratio > 0.75 && ratio < 1.33, "the medians of time differ: \(ratio)")
        },
        Attack("password `é` as NFC and as NFD; lone surrogate/invalid UTF-8") { server in
            let answer = try await server.send(
                .POST, PawlPath.register,
                SignInRequest(identifier: alice, password: "caf\u{E9} correct horse", device: nil))
            #expect(answer.status == 201)
            #expect(try await server.login(alice, password: "cafe\u{301} correct horse").status == 200)
            let start = [UInt8](#"{"identifier":"\#(alice)","password":"correct horse "#.utf8)
            for bad in [[0xC3, 0x28], [0xFF], [0xED, 0xA0, 0x80], [UInt8](#"\ud800"#.utf8)] {
                let answer = try await server.send(
                    .POST, PawlPath.login, headers: TestAPI.json, body: start + bad + [UInt8]("\"}".utf8))
                #expect(answer.status == 400)
            }
        },
        Attack("session fixation: attacker plants `__Host-sid=X` or known id before login") { server in
            _ = try await server.register("mallory@example.com")
            _ = try await server.register(alice)
            let attacker = try await server.signInByBrowser("mallory@example.com")
            let planted = "\(attacker.cookie); __Host-sid=\(attacker.cookie)"
            let victim = try await server.signInByBrowser(alice, cookie: planted)
            #expect(victim.tokens.sessionID != attacker.tokens.sessionID)
            #expect(victim.cookie != attacker.cookie)
            let unknown = try await server.browse(.POST, PawlPath.refresh, cookie: attacker.cookie)
            #expect(unknown.status == 401)
            #expect(try await server.browse(.POST, PawlPath.refresh, cookie: victim.cookie).status == 200)
            // Planted in a program, it is not even looked at.
            let program = try await server.login(alice, headers: ["Cookie": "__Host-sid=\(victim.cookie)"])
            #expect(try program.tokens.sessionID != victim.tokens.sessionID)
            #expect(program.headers["Set-Cookie"].isEmpty)
        },
        Attack("SQL injection in e-mail, session id, `client_id`, `scope`, header, `kid`, sort order") { server in
            var tokens = try await server.register(alice)
            for text in [
                "x' OR '1'='1", "'; DROP TABLE users; --", "\" OR 1=1 --", "x'||(SELECT seal FROM signing_keys)||'",
            ] {
                #expect(try await server.login(text).status == 401)
                #expect(try await server.login(alice, password: text).status == 401)
                let headers = TestAPI.bearer(tokens).merging(["User-Agent": text, "X-Forwarded-For": text]) { $1 }
                let path = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let end = try await server.send(.DELETE, "\(PawlPath.sessions)/\(path)", headers: headers)
                #expect(end.status == 404)
                let sorted = try await server.send(.GET, "\(PawlPath.sessions)?sort=\(path)", headers: headers)
                #expect(try sorted.decode(SessionList.self).sessions.count == 1)
                let attempt = "attempt of \(text)".filter { $0 != " " }
                #expect(try await server.refresh("prt_\(text)", attempt: attempt).status == 401)
                server.clock.advance(by: 3600)  // the throttle forgives
                tokens = try await server.refresh(tokens.refreshToken).tokens
            }
            #expect(try await server.login(alice).status == 200)
        },
    ]
}
