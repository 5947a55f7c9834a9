import PawlTesting
import Testing

@testable import PawlCore

/// Anyone who has a leaked master secret can make a token for any session, of any generation.
struct DistrustedSignOutTests {
    @Test(.tags(.p6), arguments: [UInt32(0), 1, 2, 7])
    func `a forged token of a leaked secret signs nobody out`(generation: UInt32) async throws {
        let server = try await Server(secrets: Server.secrets(2, 1, distrusted: [1]))
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken)
        let forged = RefreshToken(
            keyID: try Server.secrets(1).newest.id, sessionID: first.session.id, generation: generation,
            issuedAt: server.clock.now, secret: Secret(Sample.bytes(99)))
        let text = try #require(forged.text(with: Server.secrets(1)))
        try await server.sessions.signOut(
            PresentedToken(refreshToken: text, delivery: .body, attempt: nil, origin: Server.elsewhere))
        _ = try await server.refresh(second.refreshToken)
    }

    @Test(.tags(.p7))
    func `under a distrusted secret the owner still signs out with the current token`() async throws {
        let store = ObservedStore()
        let before = try await Server(secrets: Server.secrets(1), store: store)
        let grant = try await before.register()
        let after = try await Server(secrets: Server.secrets(2, 1, distrusted: [1]), clock: before.clock, store: store)
        try await after.sessions.signOut(
            PresentedToken(refreshToken: grant.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await after.refresh(grant.refreshToken) }
    }
}
