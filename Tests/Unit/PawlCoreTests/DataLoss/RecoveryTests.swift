import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

/// A server whose database is put back to an earlier state, in memory.
@Suite("After lost writes", .tags(.p11))
struct RecoveryTests {
    @Test func `clients wait, and go on from the tokens they hold once the operator says so`() async throws {
        let (server, clients) = try await loss(of: ["ana", "ben"])
        for client in clients {
            await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(client.newest, as: "x") }
        }
        #expect(try await server.events(.databaseDiverged).count == 1, "one incident, one event")
        #expect(server.logs.entries.filter { $0.hasPrefix("error") && $0.contains("pawl recover open") }.count == 1)

        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        for client in clients {
            let next = try await server.refresh(client.newest, as: "x")
            #expect(try next.token(Server.secrets(1)).generation == client.generation + 1)
            // The answer was lost: the same attempt gets it again, also much later (P5).
            server.clock.advance(by: 3600)
            #expect(try await server.refresh(client.newest, as: "x").refreshToken == next.refreshToken)
            // Older tokens of the lost history end nothing, and what comes next turns as always.
            for token in [client.old, client.newest] {
                await #expect(throws: SessionError.sessionEnded(.lost)) { try await server.refresh(token, as: "y") }
            }
            try await server.refresh(next.refreshToken, as: "z")
        }
        #expect(try await server.events(.sessionRecovered).count == 2)
        #expect(try await server.events(.sessionReused, .refreshConflict, .sessionEnded).isEmpty)
        let count = try #require(try await server.engine.dataLoss.status().count)
        #expect(count == DataLossCount(recovered: 2, lost: 0, silent: 0))
    }

    @Test func `the lost interval is that from the last sign of life to the start`() async throws {
        let (server, clients) = try await loss(of: ["ana"])
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(clients[0].newest) }
        let incident = try #require(try await server.engine.dataLoss.status().incidents.first)
        #expect(incident.lost == Sample.start - DataLossRecord.margin...Sample.start + 7210)
    }

    // FAULTS B9
    @Test(arguments: [true, false])
    func `a window that opens between the look and the turn of a step-up lets the next try do all of it`(
        isPasswordChange: Bool
    ) async throws {
        let (server, clients) = try await loss(of: ["ana"])
        let newest = clients[0].newest
        func stepUp() async throws -> TokenGrant {
            isPasswordChange
                ? try await server.change(newest, as: "step-up")
                : try await server.reauthenticate(newest, as: "step-up")
        }
        await #expect(throws: SessionError.sessionDiverged) { try await stepUp() }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        // The turn of a step-up whose look at the row came before that. Nobody has checked the password, so the answer
        // must not say that it was proven or changed.
        let presented = try RefreshToken(authenticating: newest, with: Server.secrets(1)).orThrow()
        let token = try server.stepUp(newest, as: "step-up")
        await #expect(throws: SessionError.refreshConflict) {
            try await server.sessions.turn(
                presented, by: token, as: isPasswordChange ? .newPassword : .stepUp, under: server.engine.settings)
        }
        #expect(try await server.events(.sessionRecovered, .steppedUp, .passwordChanged).isEmpty)
        try await server.login("ana")

        let proven = try await stepUp()
        #expect(try await server.claims(proven).authTime == server.clock.now.seconds)
        #expect(try await server.events(.steppedUp).count == 1)
        #expect(try await server.events(.passwordChanged).count == (isPasswordChange ? 1 : 0))
        try await server.login("ana", isPasswordChange ? Server.newPassword : Server.password)
    }

    @Test func `a day without a decision ends the wait`() async throws {
        let (server, clients) = try await loss(of: ["ana"])
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(clients[0].newest, as: "x") }
        server.clock.advance(by: Incident.patience)
        for _ in 1...2 {
            await #expect(throws: SessionError.sessionEnded(.lost)) {
                try await server.refresh(clients[0].newest, as: "x")
            }
        }
        #expect(try await server.events(.sessionEnded).map(\.details) == [["reason": "lost"]])
    }

    @Test func `a client that comes after the window was closed must sign in again`() async throws {
        let (server, clients) = try await loss(of: ["ana", "ben"])
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(clients[0].newest, as: "x") }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        let next = try await server.refresh(clients[0].newest, as: "x")
        #expect(try await server.engine.dataLoss.close(nil))
        await #expect(throws: SessionError.sessionEnded(.lost)) { try await server.refresh(clients[1].newest) }
        await #expect(throws: SessionError.sessionEnded(.lost)) { try await server.refresh(clients[0].old) }
        try await server.refresh(next.refreshToken, as: "y")
        #expect(try await server.events(.recoveryOpened, .recoveryClosed).count == 2)
        let count = try #require(try await server.engine.dataLoss.status().count)
        #expect(count == DataLossCount(recovered: 1, lost: 1, silent: 0))
    }

    @Test func `a session that began since is unknown`() async throws {
        let (server, clients) = try await loss(of: ["ana"])
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(clients[0].newest) }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        await #expect(throws: SessionError.sessionEnded(.expired)) { try await server.refresh(clients[0].later) }
    }

    @Test func `what an operator says reaches every node, and a decision outlives a restart`() async throws {
        let (server, clients) = try await loss(of: ["ana"])
        let node = try await server.restarted()
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(clients[0].newest, as: "x") }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        try await node.engine.dataLoss.follow()
        let next = try await node.refresh(clients[0].newest, as: "x")
        try await server.restarted().refresh(next.refreshToken, as: "y")
    }

    @Test func `a database that goes back under running servers is met by the first of them`() async throws {
        let server = try await Server()
        let first = try await server.register()
        let backup = try Backup(of: server)
        server.clock.advance(by: 100)
        try await server.engine.dataLoss.recordHeartbeat()
        let second = try await server.refresh(first.refreshToken, as: "one")
        server.clock.advance(by: 5)
        let node = try await server.restarted()
        server.clock.advance(by: 5)
        try backup.putBack(into: server)
        // It has not looked yet; the token tells it.
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(second.refreshToken, as: "x") }
        let incident = try #require(try await server.engine.dataLoss.status().incidents.first)
        #expect(incident.lost == Sample.start - DataLossRecord.margin...server.clock.now)
        try await node.engine.dataLoss.follow()
        #expect(try await node.store.base.dataLossRecord().gaps.count == 1, "the other node sees the first one's sign")
    }

    @Test func `a failover is met by looking, too`() async throws {
        let server = try await Server()
        let backup = try Backup(of: server)
        server.clock.advance(by: 60)
        try await server.engine.dataLoss.recordHeartbeat()
        try backup.putBack(into: server)
        server.clock.advance(by: 2)
        try await server.engine.dataLoss.follow()
        #expect(try await server.store.base.dataLossRecord().gaps.count == 1)
    }

    @Test(.tags(.p7))
    func `an opened window forgets who was dead, and learns again what the database knows`() async throws {
        let server = try await Server()
        let (ana, ben) = (try await server.register("ana"), try await server.register("ben"))
        try await server.sessions.signOut(
            PresentedToken(refreshToken: ana.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
        let (again, next) = (try await server.login(), try await server.refresh(ben.refreshToken, as: "one"))
        let backup = try Backup(of: server)
        server.clock.advance(by: 60)
        try await server.engine.dataLoss.recordHeartbeat()
        let last = try await server.refresh(next.refreshToken, as: "two")
        try await server.sessions.signOut(
            PresentedToken(refreshToken: again.refreshToken, delivery: .body, attempt: nil, origin: Server.home))
        try backup.putBack(into: server)
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(last.refreshToken) }
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(again.refreshToken) }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        // The sign-out of the lost interval is undone, that from before is not.
        try await server.refresh(again.refreshToken, as: "one")
        await #expect(throws: AccessTokenError.sessionEnded) { try await server.claims(ana) }
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(ana.refreshToken) }
    }

    @Test func `a token that a leaked master secret may have made moves nothing on`() async throws {
        let (server, clients) = try await loss(of: ["ana", "ben"])
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(clients[0].newest) }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        let wary = try await server.restarted(secrets: try Server.secrets(2, 1, distrusted: [1]))
        await #expect(throws: SessionError.invalidRefreshToken) { try await wary.refresh(clients[1].newest) }
    }

    /// A token of the leaked master secret for a session whose id is known.
    private func forge(_ grant: TokenGrant, generation: UInt32, issuedAt: UnixTime) throws -> String {
        let secrets = try Server.secrets(1)
        let token = RefreshToken(
            keyID: secrets.newest.id, sessionID: grant.session.id, generation: generation, issuedAt: issuedAt,
            secret: Secret(Sample.bytes(UInt64(generation))))
        return try token.text(with: secrets).orThrow()
    }

    // FAULTS B8
    @Test(.tags(.p6))
    func `a token of a leaked master secret that is ahead and older than the last turn is no sign of a loss`()
        async throws
    {
        let server = try await Server()
        let (mallory, ana) = (try await server.register("mallory"), try await server.register("ana"))
        let forged = try forge(mallory, generation: 99, issuedAt: server.clock.now - 13 * 86400)
        await #expect(throws: SessionError.invalidRefreshToken) { try await server.refresh(forged, as: "x") }
        #expect(try await server.engine.dataLoss.status().incidents.isEmpty)
        #expect(try await server.events(.databaseDiverged).isEmpty)
        try await expectTheftShows(of: ana, on: server)
    }

    // FAULTS B8
    @Test(.tags(.p6))
    func `tokens of a leaked master secret with likely times hide theft for minutes at most`() async throws {
        let server = try await Server()
        let (mallory, ana) = (try await server.register("mallory"), try await server.register("ana"))
        let ben = try await server.register("ben")
        server.clock.advance(by: 86400)
        for hour: Int64 in [0, 20, 12, 6] {
            let forged = try forge(mallory, generation: 99, issuedAt: server.clock.now - hour * 3600)
            await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(forged, as: "x") }
        }
        // The replay of a turn without a name is another way in.
        try await server.refresh(ben.refreshToken)
        let other = try forge(ben, generation: 0, issuedAt: server.clock.now - 13 * 86400)
        await #expect(throws: SessionError.sessionDiverged) { try await server.refresh(other) }
        let incidents = try await server.engine.dataLoss.status().incidents
        #expect(incidents.map { $0.lost.upperBound.age(since: $0.lost.lowerBound) } == [120])
        try await expectTheftShows(of: ana, on: server)
    }

    private func expectTheftShows(of grant: TokenGrant, on server: Server) async throws {
        try await server.refresh(grant.refreshToken, as: "owner's")
        server.clock.advance(by: 60)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await server.refresh(grant.refreshToken, as: "thief's")
        }
    }

    @Test(.tags(.p8))
    func `signing out works meanwhile, also if the row looks idle`() async throws {
        let (server, clients) = try await loss(of: ["ana"], idle: 3600)
        try await server.sessions.signOut(
            PresentedToken(refreshToken: clients[0].newest, delivery: .body, attempt: nil, origin: Server.home))
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: Sample.start, lostUntil: server.clock.now))
        await #expect(throws: SessionError.sessionEnded(.signedOut)) { try await server.refresh(clients[0].newest) }
    }

    @Test func `a user disabled anew does not come back, although their session looks idle`() async throws {
        let (server, clients) = try await loss(of: ["ana"], idle: 3600)
        try await server.administer { $0.isDisabled = true }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: Sample.start, lostUntil: server.clock.now))
        await #expect(throws: SessionError.sessionEnded(.revoked)) { try await server.refresh(clients[0].newest) }
    }

    @Test func `a new password can be set by the turn that recovers`() async throws {
        let (server, clients) = try await loss(of: ["ana"])
        await #expect(throws: SessionError.sessionDiverged) { try await server.change(clients[0].newest, as: "x") }
        #expect(try await server.engine.dataLoss.open(nil, lostFrom: nil, lostUntil: nil))
        let next = try await server.change(clients[0].newest, as: "x")
        #expect(try await server.change(clients[0].newest, as: "x").refreshToken == next.refreshToken)
        try await server.login("ana", Server.newPassword)
    }

    @Test func `a server starts on a disk that takes no writes, and learns of the gap later`() async throws {
        let server = try await Server()
        server.clock.advance(by: 60)
        server.store.fail([.updateDataLossRecord])
        let restarted = try await server.restarted()
        server.store.fail([])
        server.clock.advance(by: 60)
        try await restarted.engine.dataLoss.recordHeartbeat()
        #expect(try await server.store.base.dataLossRecord().gaps == [Sample.start - 5...Sample.start + 120])
    }

    /// What a client had of a session before the loss.
    private struct Client {
        let old: String
        let newest: String
        let generation: UInt32
        /// Of a session that began in the lost interval.
        let later: String
    }

    /// A server over a database that has lost two hours, and the clients with what they got in them.
    private func loss(of names: [String], idle: Int64 = 7 * 86400) async throws -> (Server, [Client]) {
        let lifetimes = Lifetimes(idle: idle)
        let server = try await Server(lifetimes: lifetimes)
        var first: [TokenGrant] = []
        for name in names { first.append(try await server.register(name)) }
        let backup = try Backup(of: server)
        server.clock.advance(by: 10)
        var clients: [Client] = []
        for (name, grant) in zip(names, first) {
            var tokens = [grant.refreshToken]
            for number in 1...5 {
                tokens.append(try await server.refresh(tokens.last.orThrow(), as: "\(number)").refreshToken)
            }
            server.clock.advance(by: 10)
            let newest = try tokens.last.orThrow()
            let generation = try RefreshToken(authenticating: newest, with: Server.secrets(1)).orThrow().generation
            let later = try await server.login(name).refreshToken
            clients.append(Client(old: tokens[3], newest: newest, generation: generation, later: later))
        }
        server.clock.advance(by: 7210 - server.clock.now.age(since: Sample.start))
        let restored = ObservedStore(MemoryStore())
        try backup.putBack(into: restored)
        return (try await Server(lifetimes: lifetimes, clock: server.clock, store: restored, seed: 5), clients)
    }
}
