import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Step-up and new password")
struct StepUpTests {
    @Test func `raises auth_time and turns the session`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.clock.advance(by: 3600)
        let second = try await server.reauthenticate(first.refreshToken, as: "proof")
        #expect(try await server.claims(second).authTime == server.clock.now.seconds)
        #expect(try await server.row(first).chain.generation == 1)
        #expect(try await server.events(.steppedUp).count == 1)
    }

    @Test(.tags(.p12)) func `a step-up with a wrong password turns nothing`() async throws {
        let server = try await Server()
        let first = try await server.register()
        await #expect(throws: SessionError.wrongPassword) {
            try await server.reauthenticate(first.refreshToken, "not the right one", as: "proof")
        }
        #expect(try await server.row(first).chain.generation == 0)
        #expect(try await server.events(.stepUpFailed).count == 1)
        try await server.reauthenticate(first.refreshToken, as: "proof")
    }

    @Test func `a step-up is locked by five wrong passwords, on that session only`() async throws {
        let server = try await Server()
        let (first, other) = (try await server.register(), try await server.login())
        for _ in 1...5 {
            await #expect(throws: SessionError.wrongPassword) {
                try await server.reauthenticate(first.refreshToken, "not the right one", as: "proof")
            }
        }
        await #expect(throws: SessionError.stepUpLocked) {
            try await server.reauthenticate(first.refreshToken, as: "proof")
        }
        await #expect(throws: SessionError.stepUpLocked) { try await server.change(first.refreshToken, as: "proof") }
        // The session itself, the others and the identifier go on.
        let next = try await server.refresh(first.refreshToken, as: "turn")
        await #expect(throws: SessionError.stepUpLocked) {
            try await server.reauthenticate(next.refreshToken, as: "proof")
        }
        try await server.reauthenticate(other.refreshToken, as: "proof")
        try await server.login()
    }

    // FAULTS A1
    @Test(.tags(.p5)) func `a step-up by one attempt, many times at once, is one turn and no wrong password`()
        async throws
    {
        let server = try await Server()
        let first = try await server.register()
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 1...20 {
                group.addTask { try await server.reauthenticate(first.refreshToken, as: "proof").refreshToken }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(tokens.count == 1)
        #expect(try await server.row(first).chain.generation == 1)
        #expect(server.hasher.count.checks == 1)
    }

    @Test func `a right password makes a session forget wrong ones`() async throws {
        let server = try await Server()
        var grant = try await server.register()
        for round in 1...3 {
            for _ in 1...4 {
                await #expect(throws: SessionError.wrongPassword) {
                    try await server.reauthenticate(grant.refreshToken, "not the right one", as: "wrong \(round)")
                }
            }
            grant = try await server.reauthenticate(grant.refreshToken, as: "right \(round)")
        }
    }

    @Test(.tags(.p7)) func `a new password ends the other sessions at once`() async throws {
        let server = try await Server()
        let (first, other) = (try await server.register(), try await server.login())
        let stranger = try await server.register("bob")
        let second = try await server.change(first.refreshToken, as: "change")
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(other.refreshToken) }
        await #expect(throws: (any Error).self) { try await server.claims(other) }
        try await server.refresh(second.refreshToken, as: "turn")
        try await server.refresh(stranger.refreshToken)
        await #expect(throws: SessionError.invalidCredentials) { try await server.login() }
        try await server.login("ana", Server.newPassword)
        #expect(try await server.events(.passwordChanged).count == 1)
    }

    @Test(.tags(.p5)) func `a change repeated by the same attempt is replayed without the old password`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.change(first.refreshToken, as: "change")
        server.clock.advance(by: 3600)
        let again = try await server.change(first.refreshToken, from: "whatever it was", as: "change")
        #expect(again.refreshToken == second.refreshToken)
        #expect(try await server.events(.passwordChanged).count == 1)
        #expect(try await server.row(first).stepUpFailures == 0)
    }

    // FAULTS F3
    @Test func `a change repeated by the same attempt with another new password is a conflict, and counts as a guess`()
        async throws
    {
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.change(first.refreshToken, as: "change")
        for _ in 1...5 {
            await #expect(throws: SessionError.refreshConflict) {
                try await server.change(first.refreshToken, to: "another one than that", as: "change")
            }
        }
        await #expect(throws: SessionError.stepUpLocked) {
            try await server.change(first.refreshToken, to: "another one than that", as: "change")
        }
        #expect(try await server.events(.passwordChanged).count == 1)
        #expect(try await server.refresh(first.refreshToken, as: "change").refreshToken == second.refreshToken)
        try await server.login("ana", Server.newPassword)
    }

    // FAULTS F3
    @Test func `of two changes at once under one name and with two new passwords, one is told that its own is set`()
        async throws
    {
        let server = try await Server()
        let node = try await server.restarted()  // one node takes the tries of a session one after another
        let first = try await server.register()
        server.store.before(.rotate) {
            _ = try? await node.change(first.refreshToken, to: "the first to come wins", as: "change")
        }
        await #expect(throws: SessionError.refreshConflict) {
            try await server.change(first.refreshToken, as: "change")
        }
        try await server.login("ana", "the first to come wins")
        // With the same password both are told.
        let other = try await server.login("ana", "the first to come wins")
        server.store.before(.rotate) {
            _ = try? await node.change(other.refreshToken, from: "the first to come wins", as: "another")
        }
        try await server.change(other.refreshToken, from: "the first to come wins", as: "another")
        try await server.login("ana", Server.newPassword)
    }

    @Test(.tags(.p6)) func `a step-up with a spent token is judged like a refresh`() async throws {
        let server = try await Server()
        let first = try await server.register()
        try await server.refresh(first.refreshToken, as: "one")
        await #expect(throws: SessionError.refreshConflict) {
            try await server.change(first.refreshToken, as: "change")
        }
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.change(first.refreshToken, as: "change")
        }
        try await server.login()
    }

    @Test func `a step-up is never taken for done when a racing refresh was`() async throws {
        // Neither names an attempt, so inside the leeway the refresh's successor would be the answer; but the password
        // is not changed, and saying so would be a lie.
        let server = try await Server()
        let first = try await server.register()
        let second = try await server.refresh(first.refreshToken)
        await #expect(throws: SessionError.refreshConflict) { try await server.change(first.refreshToken, as: nil) }
        await #expect(throws: SessionError.refreshConflict) {
            try await server.reauthenticate(first.refreshToken, as: nil)
        }
        server.store.before(.rotate) { _ = try? await server.refresh(second.refreshToken) }
        await #expect(throws: SessionError.refreshConflict) { try await server.change(second.refreshToken, as: nil) }
        try await server.login()
    }

    @Test func `a change that races another is a conflict`() async throws {
        let server = try await Server()
        let (first, other) = (try await server.register(), try await server.login())
        server.store.before(.rotate) { try? await server.administer { $0.roles = ["new"] } }
        await #expect(throws: SessionError.refreshConflict) {
            try await server.change(first.refreshToken, as: "change")
        }
        try await server.login()
        try await server.refresh(other.refreshToken)
        try await server.change(first.refreshToken, as: "change")
    }

    @Test(
        .tags(.p12),
        arguments: [
            ("too short", PasswordRules.Refusal.tooShort(minimum: 15)), ("passwordpassword", .common),
        ])
    func `a new password that is refused changes nothing and counts as no wrong one`(
        text: String, refusal: PasswordRules.Refusal
    ) async throws {
        let server = try await Server()
        let first = try await server.register()
        for _ in 1...6 {
            await #expect(throws: SessionError.passwordRefused(refusal)) {
                try await server.change(first.refreshToken, to: text, as: "change")
            }
        }
        #expect(try await server.row(first).chain.generation == 0)
        try await server.change(first.refreshToken, as: "change")
    }

    @Test func `a password that could not be looked at counts as no wrong one`() async throws {
        let server = try await Server()
        let first = try await server.register()
        server.hasher.setFull(true)
        for _ in 1...6 {
            await #expect(throws: SessionError.busy(retryAfter: 3)) {
                try await server.reauthenticate(first.refreshToken, as: "proof")
            }
        }
        server.hasher.setFull(false)
        try await server.reauthenticate(first.refreshToken, as: "proof")
    }

    @Test func `a step-up of a disabled user says that the session ended`() async throws {
        let server = try await Server()
        let first = try await server.register()
        try await server.administer { $0.isDisabled = true }
        await #expect(throws: SessionError.sessionEnded(.revoked)) {
            try await server.reauthenticate(first.refreshToken, as: "proof")
        }
    }

    @Test(arguments: ["", "garbage"])
    func `a step-up of no session at all is refused before any work`(token: String) async throws {
        let server = try await Server()
        server.store.forgetCalls()
        await #expect(throws: SessionError.invalidRefreshToken) { try await server.reauthenticate(token, as: "proof") }
        #expect(server.store.calls.isEmpty && server.hasher.count.checks == 0)
    }
}
