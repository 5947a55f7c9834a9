import NIOHTTP1
import PawlAPI
import PawlCore
import PawlPasswords
import PawlServer
import PawlTesting
import Testing

/// Clients in many networks, told apart by a proxy that is trusted, at a time that the test holds.
@Suite("Throttling over HTTP", .tags(.p10), .timeLimit(.minutes(5)))
struct ThrottleTests {
    private static let home = "192.0.2.10"
    private static let alice = "alice@example.com"
    private static let wrong = "wrong horse battery"

    private static func run(
        hasher: any PasswordHasher = Argon2idHasher(parameters: .init(memory: 8, passes: 1)),
        _ body: @Sendable (LiveServer) async throws -> Void
    ) async throws {
        var options = LiveServer.Options()
        options.hasher = hasher
        options.configure = { $0.trustedProxies = ["127.0.0.1"].compactMap { IPNetwork($0) } }
        try await LiveServer.run(options, body)
    }

    private static func post(
        _ path: String, _ name: String, _ password: String, from address: String, on server: LiveServer
    ) async throws -> TestAPI.Answer {
        try await server.send(
            .POST, path, SignInRequest(identifier: name, password: password, device: nil),
            headers: ["X-Forwarded-For": address])
    }

    private static func login(
        _ server: LiveServer, _ name: String = alice, _ password: String = LiveServer.password,
        from address: String = home
    ) async throws -> TestAPI.Answer {
        try await post(PawlPath.login, name, password, from: address, on: server)
    }

    private static func register(
        _ server: LiveServer, _ name: String = alice, from address: String = home
    ) async throws -> TestAPI.Answer {
        try await post(PawlPath.register, name, LiveServer.password, from: address, on: server)
    }

    /// What the metrics say of sign-ins with one outcome.
    private static func count(_ outcome: String, at server: LiveServer) async throws -> String {
        let metrics = try await server.send(.GET, PawlPath.metrics).text
        return metrics.split(separator: "\n").first { $0.hasPrefix("pawl_logins_total{outcome=\"\(outcome)\"}") }
            .map { String($0.split(separator: " ")[1]) } ?? "none"
    }

    // FAULTS A1
    @Test
    func `Eight sign-ins of one user at once with the right password all succeed and are not throttled`() async throws {
        try await Self.run(hasher: Argon2idHasher()) { server in
            #expect(try await Self.register(server).status == 201)
            for round in 1...3 {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 1...8 { group.addTask { try await Self.login(server).status } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses == Array(repeating: 200, count: 8))
                #expect(try await Self.count("succeeded", at: server) == "\(8 * round)")
            }
            #expect(try await Self.count("throttled", at: server) == "0")
            #expect(try await Self.count("busy", at: server) == "0")
        }
    }

    // FAULTS A1
    @Test
    func `Sixty wrong sign-ins at once get as far as one after another: five are looked at`() async throws {
        try await Self.run { server in
            #expect(try await Self.register(server).status == 201)
            for name in [Self.alice, "nobody@example.com"] {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 1...60 { group.addTask { try await Self.login(server, name, Self.wrong).status } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.count { $0 == 401 } == 5 && statuses.count { $0 == 429 } == 55)
            }
            #expect(try await Self.count("failed", at: server) == "10")
            #expect(try await Self.count("throttled", at: server) == "110")
        }
    }

    // FAULTS A2, A3
    @Test
    func `Strangers in 56 networks keep a user out neither where they registered nor where they never were`()
        async throws
    {
        try await Self.run { server in
            let registered = try await Self.register(server)
            let refreshed = try await server.refresh(
                registered.tokens.refreshToken, headers: ["X-Forwarded-For": Self.home])
            #expect(refreshed.status == 200)
            for days in [0, 30, 60] {
                server.clock.advance(by: Int64(days) * 86400)
                for number in 1...56 {
                    let answer = try await Self.login(server, Self.alice, Self.wrong, from: "10.\(days).\(number).1")
                    #expect(answer.status == 401)
                }
                for address in [Self.home, "198.51.100.\(days)"] {
                    for _ in 1...13 { #expect(try await Self.login(server, from: address).status == 200) }
                }
            }
            #expect(try await Self.count("throttled", at: server) == "0")
        }
    }

    // FAULTS A4
    @Test
    func `Throw-away registrations in turn with a taken identifier end in 429, with the right time to wait`()
        async throws
    {
        try await Self.run { server in
            #expect(try await Self.register(server).status == 201)
            var statuses: [Int] = []
            for number in 1...60 {
                statuses.append(try await Self.register(server, "throw-away-\(number)@example.com").status)
                statuses.append(try await Self.register(server).status)
            }
            #expect(statuses.prefix(99).enumerated().allSatisfy { $1 == ($0.isMultiple(of: 2) ? 201 : 409) })
            #expect(statuses.dropFirst(99).allSatisfy { $0 == 429 })
            #expect(try await Self.register(server).headers["Retry-After"] == ["36"])
            #expect(try await Self.login(server).status == 200)
            #expect(try await Self.register(server, "elsewhere@example.com", from: "198.51.100.1").status == 201)
            #expect(try await Self.count("throttled", at: server) == "0", "that counts sign-ins")
            server.clock.advance(by: 36)
            #expect(try await Self.register(server).status == 409)
        }
    }

    // FAULTS A5
    @Test
    func `After fifty failures a wrong password is answered alike from a network that the user knows and another`()
        async throws
    {
        try await Self.run { server in
            #expect(try await Self.register(server).status == 201)
            #expect(try await Self.login(server).status == 200)
            for number in 1...60 {
                for name in [Self.alice, "nobody@example.com"] {
                    _ = try await Self.login(server, name, Self.wrong, from: "10.0.\(number).1")
                }
            }
            func answers(_ name: String, from address: String) async throws -> [String] {
                var answers: [String] = []
                for _ in 1...12 {
                    let answer = try await Self.login(server, name, Self.wrong, from: address)
                    answers.append("\(answer.telltale) \(answer.headers["Retry-After"])")
                    server.clock.advance(by: 3)
                }
                return answers
            }
            let known = try await answers(Self.alice, from: Self.home)
            #expect(try await answers(Self.alice, from: "198.51.100.1") == known)
            #expect(try await answers("nobody@example.com", from: "198.51.100.1") == known)
            #expect(Set(known).count > 2)
        }
    }

    // FAULTS F2
    @Test
    func `One password over ninety identifiers, twice, from one address is cut off after a hundred failures`()
        async throws
    {
        try await Self.run { server in
            #expect(try await Self.register(server).status == 201)
            var statuses: [Int] = []
            for _ in 1...2 {
                for number in 1...90 {
                    statuses.append(
                        try await Self.login(
                            server, "user-\(number)@example.com", Self.wrong, from: "2001:db8::\(number)"
                        )
                        .status)
                }
            }
            #expect(statuses == Array(repeating: 401, count: 100) + Array(repeating: 429, count: 80))
            let throttled = try await Self.login(server, from: "2001:db8:0:77::1")
            #expect(throttled.status == 429, "the /48 is one site")
            #expect(throttled.headers["Retry-After"] == ["36"])
            #expect(try await Self.login(server, from: "2001:db8:1::1").status == 200)
            server.clock.advance(by: 36)
            #expect(try await Self.login(server, from: "2001:db8:0:77::1").status == 200)
        }
    }
}
