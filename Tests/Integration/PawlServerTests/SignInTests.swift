import Foundation
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlJOSE
import PawlServer
import PawlTesting
import Testing

@Suite("Signing in and out over HTTP", .timeLimit(.minutes(5)))
struct SignInTests {
    @Test(.tags(.p1))
    func `Registration, login and refresh answer with the field's names`() async throws {
        try await LiveServer.run { server in
            let request = SignInRequest(
                identifier: "alice@example.com", password: LiveServer.password, device: "Laptop")
            let registered = try await server.send(.POST, PawlPath.register, request)
            #expect(registered.status == 201)
            let login = try await server.login("Alice@Example.com")
            #expect(login.status == 200)
            let refreshed = try await server.refresh(login.tokens.refreshToken)
            #expect(refreshed.status == 200)
            for answer in [registered, login, refreshed] {
                let object = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
                #expect(
                    Set(object.keys) == [
                        "access_token", "token_type", "expires_in", "refresh_token", "refresh_token_timeout",
                        "authorization_expires_in", "session_id", "subject",
                    ])
                #expect(object["token_type"] as? String == "Bearer")
                #expect(object["expires_in"] as? Int == 900)
                #expect(object["refresh_token_timeout"] as? Int == 604_800)
                #expect(object["authorization_expires_in"] as? Int == 2_592_000)
                #expect(answer.headers["Cache-Control"] == ["no-store"])
                #expect(answer.headers["Set-Cookie"].isEmpty)
            }
        }
    }

    @Test(.tags(.p1))
    func `Unknown identifier, wrong password and disabled user are answered alike`() async throws {
        try await LiveServer.run { server in
            _ = try await server.register("alice@example.com")
            _ = try await server.register("carol@example.com")
            let carol = try #require(Identifier("carol@example.com"))
            _ = try await server.pawl.engine.accounts.administer(
                carol, UserChange(isDisabled: true, at: server.clock.now))
            let answers = [
                try await server.login("nobody@example.com"),
                try await server.login("alice@example.com", password: "wrong horse battery"),
                try await server.login("carol@example.com"),
            ]
            for answer in answers {
                #expect(answer.status == 401)
                #expect(answer.text == answers[0].text)
                let names = answer.headers.map(\.name)
                #expect(names == answers[0].headers.map(\.name))
                #expect(answer.headers["WWW-Authenticate"].count == 1)
            }
            #expect(try answers[0].problem.code == .invalidCredentials)
        }
    }

    @Test
    func `Failed logins are slowed down, whatever X-Forwarded-For says, and the right password works after the wait`()
        async throws
    {
        try await LiveServer.run { server in
            _ = try await server.register("alice@example.com")
            var statuses: [Int] = []
            for number in 0..<20 {
                let answer = try await server.login(
                    "alice@example.com", password: "wrong", headers: ["X-Forwarded-For": "203.0.113.\(number)"])
                statuses.append(answer.status)
                if answer.status == 429 {
                    #expect(answer.headers["Retry-After"].first.flatMap { Int($0) } ?? 0 >= 1)
                    #expect(try answer.problem.code == .tooManyRequests)
                }
            }
            #expect(statuses.prefix(5).allSatisfy { $0 == 401 })
            #expect(statuses.suffix(10).allSatisfy { $0 == 429 })
            #expect(try await server.login("alice@example.com").status == 429)
            #expect(try await server.login("bob@example.com").status == 401, "others are not slowed down")
            server.clock.advance(by: 60)
            #expect(try await server.login("alice@example.com").status == 200)
        }
    }

    @Test
    func `A client behind a trusted proxy is the one that the proxy names; whatever stands further left is invented`()
        async throws
    {
        var options = LiveServer.Options()
        options.configure = { $0.trustedProxies = ["127.0.0.1", "10.0.0.0/8"].compactMap { IPNetwork($0) } }
        try await LiveServer.run(options) { server in
            _ = try await server.register("alice@example.com")
            let login = try await server.login(
                "alice@example.com", headers: ["X-Forwarded-For": "203.0.113.66, 198.51.100.7, 10.1.2.3"])
            let session = try await server.get(PawlPath.session, login.tokens).decode(SessionDescription.self)
            #expect(session.ip == "198.51.100.7")
        }
        try await LiveServer.run { server in
            _ = try await server.register("alice@example.com")
            let login = try await server.login("alice@example.com", headers: ["X-Forwarded-For": "198.51.100.7"])
            let session = try await server.get(PawlPath.session, login.tokens).decode(SessionDescription.self)
            #expect(session.ip == "127.0.0.1")
        }
    }

    @Test(.tags(.p1, .p12))
    func `Registration is closed unless configured, and refuses taken identifiers and poor passwords`() async throws {
        var closed = LiveServer.Options()
        closed.configure = { $0.isRegistrationOpen = false }
        try await LiveServer.run(closed) { server in
            let answer = try await server.send(
                .POST, PawlPath.register, SignInRequest(identifier: "a", password: LiveServer.password, device: nil))
            #expect(answer.status == 403)
            #expect(try answer.problem.code == .registrationClosed)
        }
        try await LiveServer.run { server in
            _ = try await server.register("alice@example.com")
            for (identifier, password, status, reason) in [
                ("ALICE@example.com", LiveServer.password, 409, nil),
                ("bob", "too short", 400, "too_short"),
                ("bob", "passwordpassword", 400, "common"),
                ("bob@a-long-domain.example", "bob@a-long-domain.example", 400, "contains_identifier"),
                ("", LiveServer.password, 400, nil),
                ("bob", String(repeating: "long ", count: 300), 400, nil),
            ] as [(String, String, Int, String?)] {
                let answer = try await server.send(
                    .POST, PawlPath.register, SignInRequest(identifier: identifier, password: password, device: nil))
                #expect(answer.status == status, "\(identifier)")
                #expect(try answer.problem.reason == reason)
            }
        }
    }

    // FAULTS A7, A8
    @Test(.tags(.p12))
    func `An identifier is trimmed, compared by the rule, shown as it was typed, and refused in words`() async throws {
        try await LiveServer.run { server in
            let alice = try await server.register(" Alice@example.com ")
            for typed in ["alice@example.com ", "\talice@example.com\r\n", "\u{A0}ALICE@example.com\u{A0}"] {
                #expect(try await server.login(typed).tokens.subject == alice.subject)
            }
            let session = try await server.get(PawlPath.session, alice).decode(SessionDescription.self)
            #expect(session.identifier == "Alice@example.com")

            let nikos = try await server.register("ΝΙΚΟΣ@example.gr")
            #expect(try await server.login("νικος@example.gr").tokens.subject == nikos.subject)
            let twin = SignInRequest(identifier: "νικος@example.gr", password: LiveServer.password, device: nil)
            #expect(try await server.send(.POST, PawlPath.register, twin).problem.code == .identifierTaken)

            for (name, words) in [
                ("li\u{200B}am@example.com", "invisible character (U+200B)"),
                ("\u{202E}liam@example.com", "invisible character (U+202E)"), ("🦀@example.com", "U+1F980"),
                ("two\u{A0}words", "unusual space (U+00A0)"), ("ﬁona", "Write “fi” instead"),
            ] {
                let request = SignInRequest(identifier: name, password: LiveServer.password, device: nil)
                let answer = try await server.send(.POST, PawlPath.register, request)
                #expect(answer.status == 400)
                #expect(try answer.problem.code == .invalidRequest)
                #expect(try answer.problem.detail.contains(words), "\(answer.text)")
            }
            // Somebody may have it from an earlier version: a sign-in must not tell who.
            let login = try await server.login("li\u{200B}am@example.com")
            #expect(try login.status == 401 && login.problem.code == .invalidCredentials)
        }
    }

    @Test
    func `A password typed in another normal form is the same password`() async throws {
        try await LiveServer.run { server in
            let composed = "caf\u{E9} au lait, s'il vous pla\u{EE}t"
            let decomposed = "cafe\u{301} au lait, s'il vous plai\u{302}t"
            _ = try await server.send(
                .POST, PawlPath.register, SignInRequest(identifier: "zoe", password: composed, device: nil))
            #expect(try await server.login("zoe", password: decomposed).status == 200)
        }
    }

    @Test(.tags(.p7))
    func `Signing out ends the session, by refresh token of any generation or by access token; garbage is 204`()
        async throws
    {
        try await LiveServer.run { server in
            let first = try await server.register("alice@example.com")
            let second = try await server.refresh(first.refreshToken).tokens
            #expect(
                try await server.send(
                    .POST, PawlPath.logout, RefreshRequest(refreshToken: first.refreshToken ?? "")
                ).status == 204)
            let after = try await server.refresh(second.refreshToken)
            #expect(after.status == 401)
            #expect(try after.problem.reason == "signed_out")
            #expect(try await server.get("/guarded", second).status == 401, "refused at once in this process")

            let third = try await server.login("alice@example.com").tokens
            #expect(try await server.send(.POST, PawlPath.logout, headers: TestAPI.bearer(third)).status == 204)
            #expect(try await server.refresh(third.refreshToken).status == 401)
            #expect(try await server.send(.POST, PawlPath.logout, headers: TestAPI.bearer(third)).status == 204)
            #expect(
                try await server.send(.POST, PawlPath.logout, RefreshRequest(refreshToken: "garbage")).status == 204)

            let both = try await server.send(
                .POST, PawlPath.logout, RefreshRequest(refreshToken: "garbage"), headers: TestAPI.bearer(third))
            #expect(both.status == 400)
        }
    }
}
