import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Sign-out", .tags(.p7))
struct SignOutTests {
    private func signOut(
        _ token: String, as attempt: String? = nil, _ server: Server, from origin: Origin = Server.home
    ) async throws {
        try await server.sessions.signOut(
            PresentedToken(refreshToken: token, delivery: .body, attempt: try Server.attempt(attempt), origin: origin))
    }

    @Test func `ends the session of the current token`() async throws {
        let server = try await Server()
        let (grant, other) = (try await server.register(), try await server.login())
        try await signOut(grant.refreshToken, server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
        try await server.refresh(other.refreshToken)
        let events = try await server.events(.sessionEnded)
        #expect(events.map(\.details) == [["reason": "signed_out"]] && events[0].origin == Server.home)
    }

    @Test func `with the token of a moment ago ends it too`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        try await signOut(first.refreshToken, server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(second.refreshToken) }
    }

    @Test(.tags(.p6)) func `with a token that is reuse is recorded as reuse`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 60)
        try await signOut(first.refreshToken, server, from: Server.elsewhere)
        #expect(try await server.events(.sessionReused).map(\.origin) == [Server.elsewhere])
        await #expect(throws: SessionError.sessionEnded(.reused)) { try await server.refresh(second.refreshToken) }
    }

    @Test func `in report-only mode still signs out`() async throws {
        let server = try await Server(policy: .init(onReuse: .report))
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 60)
        try await signOut(first.refreshToken, server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(second.refreshToken) }
    }

    @Test func `of garbage, the dead and the unknown is silent`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        for token in ["", "prt_x", grant.accessToken] { try await signOut(token, server) }
        for _ in 1...3 { try await signOut(grant.refreshToken, server) }
        #expect(try await server.events(.sessionEnded).count == 1)
    }

    // FAULTS B11
    @Test(.tags(.p6), arguments: [0, 60] as [Int64])
    func `with one's own old token, under the name that spent it, is no theft`(wait: Int64) async throws {
        let server = try await Server()
        let first = try await server.register()
        var newest = first
        // As many pages load, a minute apart, each under the kept name.
        for _ in 1...3 {
            newest = try await server.refresh(newest.refreshToken, as: "kept")
            server.clock.advance(by: 60)
        }
        newest = try await server.refresh(newest.refreshToken, as: "kept")
        server.clock.advance(by: wait)
        try await signOut(first.refreshToken, as: "kept", server)
        #expect(try await server.events(.sessionReused).isEmpty)
        #expect(try await server.events(.sessionEnded).map(\.details) == [["reason": "signed_out"]])
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(newest.refreshToken) }
    }

    // FAULTS B11
    @Test func `with the current token, under the name that made it, ends the session`() async throws {
        let server = try await Server()
        let grant = try await server.refresh(try await server.register().refreshToken, as: "kept")
        try await signOut(grant.refreshToken, as: "kept", server)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
    }

    // FAULTS B8
    @Test(.tags(.p6))
    func `with a token that no turn can have made ends nothing`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let forged = RefreshToken(
            keyID: try Server.secrets(1).newest.id, sessionID: grant.session.id, generation: 99,
            issuedAt: server.clock.now - 13 * 86400, secret: Secret(Sample.bytes(99)))
        try await signOut(try forged.text(with: Server.secrets(1)).orThrow(), server, from: Server.elsewhere)
        try await server.refresh(grant.refreshToken)
    }

    @Test(.tags(.p8)) func `beats a refresh in flight`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.store.before(.rotate) { try? await signOut(grant.refreshToken, server) }
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
        #expect(try await server.row(grant).ending?.reason == .signedOut)
    }
}

@Suite("Devices", .tags(.p7))
struct DeviceTests {
    @Test func `are listed with their names, and renamed`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.clock.advance(by: 5)
        let second = try await server.login()
        try await server.sessions.rename(first.session.id, to: String(repeating: "é", count: 40), by: second.session)
        let devices = try await server.sessions.devices(of: second.session.subject)
        #expect(devices.map(\.id) == [second.session.id, first.session.id])
        #expect(devices.map(\.device) == ["laptop", String(repeating: "é", count: 24)], "48 bytes at most")
    }

    @Test func `of others are as unknown as those that never were`() async throws {
        let server = try await Server()
        let (ana, bob) = (try await server.register("ana"), try await server.register("bob"))
        let unknown = try SessionID(bytes: Sample.bytes(1, count: 16)).orThrow()
        for id in [bob.session.id, unknown] {
            await #expect(throws: SessionError.noSuchSession) {
                try await server.sessions.end(id, by: ana.session, origin: Server.home)
            }
            await #expect(throws: SessionError.noSuchSession) {
                try await server.sessions.rename(id, to: "mine", by: ana.session)
            }
        }
        #expect(try await server.sessions.devices(of: ana.session.subject).map(\.id) == [ana.session.id])
        _ = try await server.refresh(bob.refreshToken)
    }

    @Test func `other than one's own end only after a fresh proof of identity`() async throws {
        let server = try await Server()
        let (old, other, third) = (try await server.register(), try await server.login(), try await server.login())
        server.clock.advance(by: 601)
        let sessions = server.sessions
        let wants = SessionError.insufficientAuthentication(maxAge: 600)
        await #expect(throws: wants) { try await sessions.end(other.session.id, by: old.session, origin: Server.home) }
        await #expect(throws: wants) { try await sessions.endOthers(by: old.session, origin: Server.home) }
        await #expect(throws: wants) { try await sessions.endAll(by: old.session, origin: Server.home) }
        let fresh = try await server.reauthenticate(old.refreshToken, as: "proof")
        try await sessions.end(other.session.id, by: fresh.session, origin: Server.home)
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(other.refreshToken) }
        try await sessions.endOthers(by: fresh.session, origin: Server.home)
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(third.refreshToken) }
        try await sessions.endAll(by: fresh.session, origin: Server.home)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(fresh.refreshToken) }
    }

    // FAULTS A6
    @Test func `other than one's own end only by an access token whose own proof of identity is fresh`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let other = try await server.login()
        server.clock.advance(by: 615)
        let proven = try await server.reauthenticate(first.refreshToken, as: "proof")
        let wants = SessionError.insufficientAuthentication(maxAge: 600)
        let (old, fresh) = (try await server.claims(first), try await server.claims(proven))
        let sessions = server.sessions
        await #expect(throws: wants) {
            try await sessions.endOthers(by: sessions.session(of: old), origin: Server.home)
        }
        await #expect(throws: wants) { try await sessions.endAll(by: sessions.session(of: old), origin: Server.home) }
        await #expect(throws: wants) {
            try await sessions.end(other.session.id, by: sessions.session(of: old), origin: Server.home)
        }
        _ = try await server.refresh(other.refreshToken)
        // The row's counts as well: a token cannot be fresher than it.
        var boasting = old
        boasting.authTime = server.clock.now.seconds + 1
        #expect(try await sessions.session(of: boasting).proof.time == server.clock.now)
        try await sessions.endOthers(by: sessions.session(of: fresh), origin: Server.home)
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(other.refreshToken) }
    }

    @Test func `one's own ends without one`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        server.clock.advance(by: 3600)
        try await server.sessions.end(grant.session.id, by: grant.session, origin: Server.home)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(grant.refreshToken) }
    }

    @Test func `are found by their access token while they live`() async throws {
        let server = try await Server()
        let grant = try await server.register()
        let claims = try await server.claims(grant)
        #expect(try await server.sessions.session(of: claims).id == grant.session.id)
        try await server.sessions.signOut(grant.session, origin: Server.home)
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.sessions.session(of: claims) }
        var foreign = claims
        foreign.sessionID = nil
        await #expect(throws: SessionError.noSuchSession) { try await server.sessions.session(of: foreign) }
    }
}

@Suite("Housekeeping")
struct HousekeepingTests {
    @Test(.tags(.p11))
    func `deletes nothing within seven days of a deadline`() async throws {
        let server = try await Server()
        let (idle, ended) = (try await server.register(), try await server.login())
        try await server.sessions.signOut(
            PresentedToken(refreshToken: ended.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
        func left(after seconds: Int64) async throws -> [Bool] {
            server.clock.advance(by: seconds)
            var round = HousekeepingRound()
            repeat {
                try await server.engine.housekeeping.tidy(&round, eventRetention: 365 * 86400)
            } while round.isUnderWay
            return [
                try await server.store.base.session(idle.session.id) != nil,
                try await server.store.base.session(ended.session.id) != nil,
            ]
        }
        #expect(try await left(after: 7 * 86400) == [true, true])
        #expect(try await left(after: 1) == [true, false], "it ended seven days ago")
        #expect(try await left(after: 7 * 86400 - 1) == [true, false])
        #expect(try await left(after: 1) == [false, false], "it was idle for seven days, seven days ago")
    }

    @Test func `forgets events after their retention, and throttles after two days`() async throws {
        let server = try await Server()
        try await server.register()
        await #expect(throws: SessionError.invalidCredentials) {
            try await server.login("ana", "something quite wrong")
        }
        server.clock.advance(by: 2 * 86400 + 1)
        for (retention, events) in [(2 * 86400 + 1, 4), (2 * 86400, 0)] as [(Int64, Int)] {
            var round = HousekeepingRound()
            try await server.engine.housekeeping.tidy(&round, eventRetention: retention)
            #expect(try await server.events().count == events)
        }
    }
}
