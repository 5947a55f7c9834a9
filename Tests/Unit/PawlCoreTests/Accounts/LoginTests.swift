import PawlTesting
import Testing

@testable import PawlCore

@Suite("Login and registration", .tags(.p1))
struct LoginTests {
    @Test func `a login starts a session of its own for each device`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.login()
        #expect(first.session.id != second.session.id && first.session.subject == second.session.subject)
        #expect(second.session.device == "laptop" && second.session.proof.methods == ["pwd"])
        try await server.refresh(first.refreshToken)
        try await server.refresh(second.refreshToken)
    }

    @Test(arguments: ["Ana@Example.com", "ana@example.com", "ANA@EXAMPLE.COM"])
    func `a login takes the identifier without regard to case`(spelling: String) async throws {
        let server = try await Server()
        let grant = try await server.register("ana@Example.com")
        #expect(try await server.login(spelling).session.subject == grant.session.subject)
    }

    @Test func `a login takes a password in NFC and in NFD alike`() async throws {
        let server = try await Server()
        let (composed, decomposed) = ("caf\u{E9} au lait du matin", "cafe\u{301} au lait du matin")
        _ = try await server.accounts.register(
            try Server.credentials("ana", composed), origin: Server.home, delivery: .body)
        try await server.login("ana", decomposed)
        try await server.login("ana", composed)
    }

    @Test(.tags(.p12)) func `a login answers unknown, wrong and disabled alike, with the same work`() async throws {
        let server = try await Server()
        try await server.register("ana")
        try await server.register("bob")
        try await server.administer("bob") { $0.isDisabled = true }
        for (name, password) in [("nobody", Server.password), ("ana", "not the right one"), ("bob", Server.password)] {
            let before = server.hasher.count
            server.store.forgetCalls()
            await #expect(throws: SessionError.invalidCredentials) { try await server.login(name, password) }
            let after = server.hasher.count
            #expect(after.checks == before.checks + 1 && after.hashes == before.hashes)
            #expect(server.store.calls == [.reserveLogin, .userByIdentifier, .settleLogin])
        }
        let failures = try await server.events(.loginFailed)
        #expect(failures.map { $0.subject == nil } == [true, false, false], "an identifier that nobody has is no user")
        #expect(failures.allSatisfy { $0.origin == Server.home && $0.details.isEmpty })
    }

    @Test(.tags(.p3, .p10)) func `failures are counted in one event a minute, without what was typed`() async throws {
        let server = try await Server()
        try await server.register("ana")
        // People type passwords into the wrong field: ever other names are one event too.
        for (names, hasUser) in [(["ana"], true), (["a secret by mistake", "another secret"], false)] {
            for number in 0..<4 {
                let name = names[number % names.count]
                await #expect(throws: SessionError.invalidCredentials) { try await server.login(name, "not the right") }
            }
            let event = try #require(try await server.events(.loginFailed).last)
            #expect((event.subject != nil) == hasUser && event.details == ["count": "4"])
        }
        #expect(try await server.events(.loginFailed).count == 2)
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.invalidCredentials) { try await server.login("ana", "not the right one") }
        #expect(try await server.events(.loginFailed).map { $0.details["count"] } == ["4", "4", nil])
        #expect(server.logs.text.contains("login_failed") && !server.logs.text.contains("secret"))
    }

    @Test func `a registration of a taken identifier costs as much as of a free one`() async throws {
        let server = try await Server()
        try await server.register("ana")
        let before = server.hasher.count
        await #expect(throws: SessionError.identifierTaken) { try await server.register("ANA") }
        #expect(server.hasher.count.hashes == before.hashes + 1)
        #expect(try await server.events(.registered).count == 1)
    }

    @Test func `a registration is refused where registration is closed, before anything is done`() async throws {
        let server = try await Server(isRegistrationOpen: false)
        server.store.forgetCalls()
        await #expect(throws: SessionError.registrationClosed) { try await server.register() }
        #expect(server.store.calls.isEmpty)
    }

    // FAULTS A4
    @Test func `registrations of a network are counted whatever becomes of them, an honest office's are not slowed`()
        async throws
    {
        let server = try await Server()
        try await server.register("taken")
        for number in 1...49 {
            try await server.register("throw-away \(number)")
            await #expect(throws: SessionError.identifierTaken) { try await server.register("taken") }
        }
        try await server.register("the hundredth")
        for name in ["taken", "free"] {
            await #expect(throws: SessionError.throttled(retryAfter: 36)) { try await server.register(name) }
        }
        try await server.login("taken")
        server.clock.advance(by: 36)
        try await server.register("free")
        await #expect(throws: SessionError.throttled(retryAfter: 36)) { try await server.register("taken") }
    }

    @Test func `a registration for which the server was too busy is not counted`() async throws {
        let server = try await Server()
        for _ in 1...150 {
            server.store.before(.reserveLogin) { server.hasher.setFull(true) }
            await #expect(throws: SessionError.busy(retryAfter: 3)) { try await server.register() }
            server.hasher.setFull(false)
        }
        try await server.register()
    }

    @Test func `a guesser is throttled, and the owner gets in after the wait`() async throws {
        let server = try await Server()
        try await server.register()
        for _ in 1...5 {
            await #expect(throws: SessionError.invalidCredentials) {
                try await server.login("ana", "wrong guess number one")
            }
        }
        let checks = server.hasher.count.checks
        await #expect(throws: SessionError.throttled(retryAfter: 1)) { try await server.login() }
        #expect(server.hasher.count.checks == checks, "a throttled try costs no hash")
        try await server.login(from: Server.elsewhere)
        server.clock.advance(by: 1)
        try await server.login()
        try await server.login()
    }

    // FAULTS A1
    @Test func `many right ones at once are no failures`() async throws {
        let server = try await Server()
        try await server.register()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...40 { group.addTask { try await server.login() } }
            try await group.waitForAll()
        }
        #expect(try await server.events(.sessionStarted).count == 41)
    }

    // FAULTS A1
    @Test func `many wrong ones at once get as far as one after another`() async throws {
        let server = try await Server()
        try await server.register()
        let outcomes = await withTaskGroup(of: SessionError?.self) { group in
            for _ in 1...1000 {
                group.addTask {
                    do {
                        try await server.login("ana", "not the right one")
                        return nil
                    } catch {
                        return error as? SessionError
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .invalidCredentials } == 5)
        let expected: [SessionError?] = [.invalidCredentials, .throttled(retryAfter: 1), .busy(retryAfter: 1)]
        #expect(outcomes.allSatisfy { expected.contains($0) })
        #expect(server.hasher.count.checks == 5)
    }

    // FAULTS A3: the user's own network is whichever one they come from; nothing needs to be known of it.
    @Test func `failures of strangers elsewhere never keep the user out, at home or on a journey`() async throws {
        let server = try await Server()
        try await server.register()
        server.clock.advance(by: 400 * 86400)
        for minute in 0..<60 {
            for number in 0..<13 {
                let stranger = Origin(address: "10.\(minute).\(number).9", userAgent: "Stranger/1")
                await #expect(throws: SessionError.invalidCredentials) {
                    try await server.login("ana", "not the right one", from: stranger)
                }
            }
            try await server.login(from: minute.isMultiple(of: 2) ? Server.home : Server.elsewhere)
            server.clock.advance(by: 60)
        }
    }

    // FAULTS A5
    @Test func `logins with a wrong password are answered alike from a network that the user knows and from another`()
        async throws
    {
        let server = try await Server()
        try await server.register()
        try await server.login()
        for number in 0..<60 {
            let stranger = Origin(address: "10.0.\(number).9", userAgent: "Stranger/1")
            _ = try? await server.login("ana", "not the right one", from: stranger)
        }
        func answers(_ name: String, from origin: Origin) async throws -> [SessionError?] {
            var answers: [SessionError?] = []
            for _ in 0..<600 {
                do {
                    try await server.login(name, "not the right one", from: origin)
                } catch {
                    answers.append(error as? SessionError)
                }
                server.clock.advance(by: 7)
            }
            return answers
        }
        let known = try await answers("ana", from: Server.home)
        let unknown = try await answers("ana", from: Server.elsewhere)
        #expect(known == unknown)
        #expect(known.count { $0 == .invalidCredentials } < 20)
    }

    // FAULTS A5
    @Test func `a login by its owner does not show to a stranger in the same network`() async throws {
        let server = try await Server()
        try await server.register()
        for _ in 1...5 { _ = try? await server.login("ana", "not the right one") }
        server.clock.advance(by: 1)
        try await server.login()
        await #expect(throws: SessionError.invalidCredentials) { try await server.login("ana", "not the right one") }
        await #expect(throws: SessionError.throttled(retryAfter: 2)) {
            try await server.login("ana", "not the right one")
        }
    }

    // FAULTS F2
    @Test func `tries of one password over many identifiers are bounded by network`() async throws {
        let server = try await Server()
        try await server.register()
        for number in 1...100 {
            await #expect(throws: SessionError.invalidCredentials) { try await server.login("user \(number)") }
        }
        for name in ["user 101", "user 1", "ana"] {
            await #expect(throws: SessionError.throttled(retryAfter: 36)) { try await server.login(name) }
        }
        try await server.login(from: Server.elsewhere)
        server.clock.advance(by: 36)
        try await server.login()
        await #expect(throws: SessionError.invalidCredentials) { try await server.login("user 101") }
        await #expect(throws: SessionError.throttled(retryAfter: 36)) { try await server.login() }
    }

    @Test func `a try whose place cannot be given back leaves a place that ends by itself`() async throws {
        let server = try await Server()
        try await server.register()
        server.store.fail([.startSession, .settleLogin])
        for _ in 1...5 { await #expect(throws: SessionError.unavailable) { try await server.login() } }
        server.store.fail([])
        await #expect(throws: SessionError.busy(retryAfter: 1)) { try await server.login() }
        server.clock.advance(by: 121)
        try await server.login()
        server.store.fail([.settleLogin])
        await #expect(throws: SessionError.unavailable) { try await server.login("ana", "not the right one") }
    }

    @Test func `a sign-in asks the store three times`() async throws {
        let server = try await Server()
        try await server.register()
        server.store.forgetCalls()
        try await server.login()
        #expect(server.store.calls == [.reserveLogin, .userByIdentifier, .startSession])
    }

    @Test func `unknown identifiers are throttled in the same way`() async throws {
        let server = try await Server()
        for _ in 1...5 { await #expect(throws: SessionError.invalidCredentials) { try await server.login("nobody") } }
        await #expect(throws: SessionError.throttled(retryAfter: 1)) { try await server.login("nobody") }
    }

    @Test(.tags(.p10)) func `a login is turned away before any work where the hasher is full, and not counted`()
        async throws
    {
        let server = try await Server()
        try await server.register()
        server.hasher.setFull(true)
        server.store.forgetCalls()
        for _ in 1...20 {
            await #expect(throws: SessionError.busy(retryAfter: 1)) { try await server.login() }
            await #expect(throws: SessionError.busy(retryAfter: 1)) { try await server.register("bob") }
        }
        #expect(server.store.calls.isEmpty)
        server.hasher.setFull(false)
        try await server.login()
    }

    @Test func `a login is not counted as a failure where the hasher fills up in between`() async throws {
        let server = try await Server()
        try await server.register()
        for _ in 1...20 {
            server.store.before(.userByIdentifier) { server.hasher.setFull(true) }
            await #expect(throws: SessionError.busy(retryAfter: 3)) { try await server.login() }
            server.hasher.setFull(false)
        }
        try await server.login()
    }

    @Test(.tags(.p10)) func `too many logins do not hinder a refresh`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let before = server.hasher.count
        try await server.refresh(grant.refreshToken)
        #expect(server.hasher.count == before)
    }

    @Test func `hashes anew when parameters were raised, and only then`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let old = try await server.store.base.user(grant.session.subject)
        try await server.login()
        #expect(try await server.store.base.user(grant.session.subject) == old)
        server.hasher.raise(to: 2)
        try await server.login()
        let renewed = try #require(try await server.store.base.user(grant.session.subject))
        #expect(renewed.password != old?.password && renewed.version == old?.version)
        #expect(renewed.password.phc(for: renewed.id, secrets: try Server.secrets(1))?.hasPrefix("$test$g=2$") == true)
        let hashes = server.hasher.count.hashes
        try await server.login()
        #expect(server.hasher.count.hashes == hashes)
    }

    @Test func `seals anew when the master secret is newer, without hashing`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let newer = try await server.restarted(secrets: try Server.secrets(2, 1))
        let hashes = server.hasher.count.hashes
        try await newer.login()
        #expect(server.hasher.count.hashes == hashes)
        let user = try #require(try await server.store.base.user(grant.session.subject))
        #expect(user.password.phc(for: user.id, secrets: try Server.secrets(2)) != nil)
    }

    @Test func `a login goes on when hashing anew fails`() async throws {
        let server = try await Server()
        try await server.register()
        server.hasher.raise(to: 2)
        server.store.fail([.resealPassword])
        try await server.login()
    }

    @Test(.tags(.p3)) func `a login leaves no password and no token in the logs`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.store.fail([.rotate, .userByIdentifier, .resealPassword])
        await #expect(throws: SessionError.unavailable) { try await server.refresh(second.refreshToken) }
        await #expect(throws: SessionError.unavailable) { try await server.login() }
        server.store.fail([])
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.sessionEnded(.reused)) { try await server.refresh(first.refreshToken) }
        #expect(server.logs.entries.count >= 3)
        for secret in [
            Server.password, first.refreshToken, second.refreshToken, first.accessToken, "a-client's-attempt-one",
        ] {
            #expect(!server.logs.text.contains(secret))
        }
    }
}
