import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Devices", .tags(.p7))
struct DeviceTests {
    @Test func `devices are listed with their names, and renamed`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.clock.advance(by: 5)
        let second = try await server.login()
        try await server.sessions.rename(first.session.id, to: String(repeating: "é", count: 40), by: second.session)
        let devices = try await server.sessions.devices(of: second.session.subject)
        #expect(devices.map(\.id) == [second.session.id, first.session.id])
        #expect(devices.map(\.device) == ["laptop", String(repeating: "é", count: 24)], "48 bytes at most")
    }

    @Test func `devices of others are as unknown as those that never were`() async throws {
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

    @Test func `devices are found by their access token while they live`() async throws {
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
