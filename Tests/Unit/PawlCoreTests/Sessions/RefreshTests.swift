import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Refresh")
struct RefreshTests {
    @Test(.tags(.p1, .p4))
    func `a refresh turns the session one step and answers with what the client must know`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.clock.advance(by: 600)
        let second = try await server.refresh(first.refreshToken, as: "one")

        #expect(second.session.id == first.session.id)
        #expect(second.refreshToken != first.refreshToken && second.accessToken != first.accessToken)
        #expect(second.accessLifetime == 900)
        #expect(second.refreshTimeout == 7 * 86400)
        #expect(second.authorizationExpiresIn == 30 * 86400 - 600)
        let row = try await server.row(second)
        #expect(row.chain.generation == 1)
        #expect(try row.chain.hash == second.token(try Server.secrets(1)).hash)
        #expect(row.lastUsedAt == server.clock.now)
        #expect(try await server.events(.registered, .sessionStarted).count == 2)
        #expect(try await server.events().map(\.kind) == [.keyCreated, .registered, .sessionStarted])
    }

    @Test(.tags(.p2))
    func `a refresh gives access tokens with the claims of RFC 9068`() async throws {
        let server = try await Server()
        try await server.register()
        try await server.administer {
            $0.roles = ["admin"]; $0.scope = ["read", "write"]
        }
        let grant = try await server.login()
        let claims = try await server.claims(grant)
        let now = server.clock.now.seconds
        #expect(claims.issuer == Server.issuer && claims.audience == [Server.issuer])
        #expect(claims.subject == grant.session.subject.description && claims.sessionID == grant.session.id.description)
        #expect(claims.issuedAt == now && claims.expiresAt == now + 900 && claims.authTime == now)
        #expect(claims.clientID == "first-party" && claims.authMethods == ["pwd"])
        #expect(claims.scope == ["read", "write"] && claims.roles == ["admin"])
        let next = try await server.claims(try await server.refresh(grant.refreshToken))
        #expect(next.id != claims.id)
    }

    // FAULTS B5
    @Test(
        .tags(.p2),
        arguments: [
            ([], [Server.issuer]), (["https://api.test"], [Server.issuer, "https://api.test"]),
            (["b", Server.issuer, "a", "b"], [Server.issuer, "b", "a"]),
        ])
    func `a refresh gives access tokens that are for the issuer, and then for the configured APIs`(
        audience: [String], claimed: [String]
    ) async throws {
        let server = try await Server(audience: audience)
        let grant = try await server.register()
        #expect(try await server.claims(grant).audience == claimed)
        _ = try await server.sessions.session(of: server.claims(grant))
    }

    @Test(.tags(.p2))
    func `a refresh gives access tokens that are dead at their expiry`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.advance(by: 899)
        _ = try await server.claims(grant)
        server.clock.advance(by: 1)
        await #expect(throws: AccessTokenError.expired) { try await server.claims(grant) }
    }

    @Test(.tags(.p2))
    func `a refresh never gives an access token that outlives the session`() async throws {
        let server = try await Server()
        var grant = try await server.register()
        for _ in 1...5 {
            server.clock.advance(by: 6 * 86400 - 20)
            grant = try await server.refresh(grant.refreshToken)
        }
        #expect(grant.authorizationExpiresIn == 100 && grant.refreshTimeout == 100 && grant.accessLifetime == 100)
        #expect(try await server.claims(grant).expiresAt == server.clock.now.seconds + 100)
        server.clock.advance(by: 100)
        await #expect(throws: SessionError.sessionEnded(.expired)) { try await server.refresh(grant.refreshToken) }
        await #expect(throws: AccessTokenError.expired) { try await server.claims(grant) }
    }

    @Test func `a refresh moves the idle end, and its lack ends the session`() async throws {
        let server = try await Server()
        var grant = try await server.register()
        server.clock.advance(by: 7 * 86400 - 1)
        grant = try await server.refresh(grant.refreshToken)
        server.clock.advance(by: 7 * 86400)
        await #expect(throws: SessionError.sessionEnded(.expired)) { try await server.refresh(grant.refreshToken) }
    }

    @Test func `a refresh never raises auth_time`() async throws {
        let server = try await Server()
        var grant = try await server.register()
        let proven = server.clock.now.seconds
        for _ in 1...3 {
            server.clock.advance(by: 3600)
            grant = try await server.refresh(grant.refreshToken)
            #expect(try await server.claims(grant).authTime == proven)
        }
    }

    @Test func `brings changed roles`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        #expect(try await server.claims(grant).roles.isEmpty)
        try await server.administer {
            $0.roles = ["auditor"]; $0.scope = ["read"]
        }
        let claims = try await server.claims(try await server.refresh(grant.refreshToken))
        #expect(claims.roles == ["auditor"] && claims.scope == ["read"])
    }

    @Test(arguments: [(Delivery.body, Delivery.cookie), (.cookie, .body)])
    func `a refresh takes a token only the way the session's tokens travel`(own: Delivery, other: Delivery) async throws
    {
        let server = try await Server()
        let grant = try await server.register(delivery: own)
        await #expect(throws: SessionError.wrongDelivery) {
            try await server.refresh(grant.refreshToken, delivery: other, from: Server.elsewhere)
        }
        #expect(try await server.events(.wrongDelivery).map(\.origin) == [Server.elsewhere])
        #expect(server.logs.entries.contains { $0.hasPrefix("warning") && $0.contains("wrong_delivery") })
        try await server.refresh(grant.refreshToken, delivery: own)
    }

    // FAULTS B1
    @Test(.tags(.p6), arguments: [(Delivery.body, Delivery.cookie), (.cookie, .body)])
    func `a spent token is theft whichever way it comes`(own: Delivery, other: Delivery) async throws {
        let server = try await Server()
        let first = try await server.register(delivery: own)
        var newest = first
        for name in ["one", "two", "three"] {
            newest = try await server.refresh(newest.refreshToken, as: name, delivery: own)
        }
        server.clock.advance(by: 90)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(first.refreshToken, as: "thief's", delivery: other, from: Server.elsewhere)
        }
        let event = try #require(try await server.events(.sessionReused).first)
        #expect(event.origin == Server.elsewhere && event.details["holder_address"] == Server.home.address)
        #expect(event.details["generation_gap"] == "3")
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(newest.refreshToken, delivery: own)
        }
    }

    @Test(.tags(.p9))
    func `a thousand times leaves a row of the same size`() async throws {
        let server = try await Server()
        var grant = try await server.refresh(try await server.register().refreshToken, as: "first")
        let first = try await server.row(grant)
        for number in 1...1000 { grant = try await server.refresh(grant.refreshToken, as: "n\(number)") }
        let last = try await server.row(grant)
        #expect(last.chain.generation == first.chain.generation + 1000)
        #expect(
            last.chain.hash.count == 32 && last.chain.seal.count == first.chain.seal.count
                && last.chain.attempts.count == first.chain.attempts.count)
        #expect(try await server.events().count == 3)
    }

    @Test(.tags(.p5))
    func `when the store fails is 503, and the retry succeeds`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.store.fail([.rotate])
        await #expect(throws: SessionError.unavailable) { try await server.refresh(grant.refreshToken, as: "one") }
        server.store.fail([])
        try await server.refresh(grant.refreshToken, as: "one")
    }

    @Test(.tags(.p11))
    func `a token that the database does not know yet signs nobody out`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let backup = try await server.row(first)
        let second = try await server.refresh(first.refreshToken, as: "one")
        let third = try await server.refresh(second.refreshToken, as: "two")
        // The database is restored from before both turns.
        let restored = try await server.restored(with: backup)
        for grant in [second, third] {
            await #expect(throws: SessionError.sessionDiverged) { try await restored.refresh(grant.refreshToken) }
        }
        #expect(try await restored.row(first) == backup)
        #expect(restored.logs.text.contains("session_diverged"))
        // Another client turned the restored session: the token of the lost history is no proof of theft either.
        try await restored.refresh(first.refreshToken, as: "other")
        await #expect(throws: SessionError.sessionDiverged) { try await restored.refresh(second.refreshToken) }
        #expect(try await restored.row(first).ending == nil)
    }
}

extension Server {
    /// A server over a database in which of everything only this user and this row are left.
    fileprivate func restored(with session: Session) async throws -> Server {
        let memory = MemoryStore()
        let user = try await store.base.user(session.subject).orThrow()
        #expect(memory.addUser(user, Event(.registered, at: session.createdAt, subject: user.id)))
        #expect(try await memory.startSession(session, ifUserVersionIs: user.version, Sample.started(session)))
        return try await Server(clock: clock, store: ObservedStore(memory), seed: 5)
    }
}
