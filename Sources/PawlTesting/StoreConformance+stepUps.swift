import PawlCore
import Testing

extension StoreConformance {
    static let stepUps: [Check] = [
        Check("step-up: raises auth_time, forgets failures, and is recorded") { store in
            let user = try Sample.user("owner", version: 5)
            var session = try Sample.session(of: user, 1)
            session.stepUpFailures = 3
            try await store.put(user, session)
            let turn = TurnSample(of: session).with { $0.stepUp = stepUp(at: 5, methods: ["pwd", "otp"]) }.turn

            let outcome = try await store.rotate(turn, under: .init())

            #expect(outcome.verdict == .rotate)
            #expect(outcome.events.endedSessions.isEmpty)
            let now = try #require(try await store.session(session.id))
            #expect(now == session.turned(by: turn))
            #expect(outcome.session == now)
            #expect(
                now.proof.time == turn.presentation.now && now.proof.methods == ["pwd", "otp"]
                    && now.stepUpFailures == 0)
            #expect(try await store.newEvents().map(\.kind) == [.steppedUp])
            #expect(try await store.user(user.id) == user)
        },
        Check("step-up: a user who changed since is a conflict that changes nothing") { store in
            let user = try Sample.user("owner", version: 5)
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            for version: Int64 in [4, 6] {
                let turn = TurnSample(of: session).with { $0.stepUp = stepUp(at: version, password: 8) }.turn
                let outcome = try await store.rotate(turn, under: .init())
                #expect(outcome.verdict == .conflict)
                #expect(outcome.session == session)
            }
            #expect(try await store.session(session.id) == session)
            #expect(try await store.user(user.id) == user)
            #expect(try await store.newEvents().isEmpty)
        },
        Check("step-up: of a disabled user finds the session ended") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            _ = try await store.update(user.id, UserChange(isDisabled: true, at: Sample.start))
            let turn = TurnSample(of: session).with { $0.stepUp = stepUp(at: 2) }.turn
            #expect(try await store.rotate(turn, under: .init()).verdict == .revoked(.revoked))
        },
        Check("step-up: with a spent token proves nothing") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let turn = TurnSample(of: session).with {
                $0.generation -= 1
                $0.stepUp = stepUp(at: 1, password: 8)
            }.turn
            #expect(try await store.rotate(turn, under: .init()).verdict == .reuse)
            #expect(try await store.user(user.id) == user)
            #expect(try await store.session(session.id)?.ending?.reason == .reused)
        },
        Check("new password: is set with the turn, raises the version, ends the subject's other sessions") { store in
            let (user, stranger) = (try Sample.user("owner", version: 3), try Sample.user("stranger"))
            let sessions = try (1...4).map { try Sample.session(of: user, $0) }
            let foreign = try Sample.session(of: stranger, 5)
            try await store.put(user, sessions[0], sessions[1], sessions[2], sessions[3])
            try await store.put(stranger, foreign)
            let signedOut = SessionEnding(.signedOut, at: Sample.start, origin: nil)
            #expect(try await store.end(.one(sessions[3].id), signedOut) == [sessions[3].id])
            let turn = TurnSample(of: sessions[0]).with { $0.stepUp = stepUp(at: 3, password: 8) }.turn

            let outcome = try await store.rotate(turn, under: .init())

            #expect(outcome.verdict == .rotate)
            #expect(Set(outcome.events.endedSessions) == Set(sessions[1...2].map(\.id)))
            #expect(try await store.session(sessions[0].id) == sessions[0].turned(by: turn))
            for session in sessions[1...2] {
                #expect(
                    try await store.session(session.id) == session.ended(at: turn.presentation.now, reason: .revoked))
            }
            #expect(try await store.session(sessions[3].id)?.ending?.reason == .signedOut)
            #expect(try await store.session(foreign.id) == foreign)
            let changed = try #require(try await store.user(user.id))
            #expect(changed.password == SealedPassword(bytes: Sample.bytes(8, count: 90)))
            #expect(changed.version == 4)
            let kinds = try await store.newEvents().map(\.kind)
            #expect(kinds == [.sessionEnded, .steppedUp, .passwordChanged, .sessionEnded, .sessionEnded])
        },
        // FAULTS B9
        Check("step-up: without its proof it turns nothing, and is otherwise judged like a refresh") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let losses = [Sample.incident(openedAt: Sample.start + 20)]
            for kind in [TurnKind.stepUp, .newPassword] {
                let unproven = TurnSample(of: session).with { $0.kind = kind }
                let ahead = unproven.with {
                    $0.generation += 2
                    $0.hash = Sample.bytes(52)
                    $0.issuedAt = Sample.start + 5
                }
                for turn in [unproven.turn, ahead.turn] {
                    let outcome = try await store.rotate(turn, under: .init(), losses: losses)
                    #expect(outcome.verdict == .conflict && outcome.session == session)
                }
            }
            #expect(try await store.session(session.id) == session)
            #expect(try await store.newEvents().isEmpty)
            let spent = TurnSample(of: session).with {
                $0.generation -= 1
                $0.kind = .newPassword
            }.turn
            #expect(try await store.rotate(spent, under: .init()).verdict == .reuse)
        },
    ]

    private static func stepUp(
        at version: Int64, methods: [String] = ["pwd"], password: UInt64? = nil
    ) -> StepUp {
        StepUp(
            userVersion: version, authMethods: methods,
            newPassword: password.map { SealedPassword(bytes: Sample.bytes($0, count: 90)) })
    }
}
