import PawlCore
import Testing

extension StoreConformance {
    static let races: [Check] = [
        Check("race: fifty requests of one attempt leave one successor, given to all") { store in
            let verdicts = try await race(on: store) { _ in 1 }
            #expect(verdicts.count { $0 == .rotate } == 1)
            #expect(verdicts.count { $0 == .replay } == 49)
        },
        Check("race: fifty requests without names leave one successor, given to all") { store in
            let verdicts = try await race(on: store) { _ in nil }
            #expect(verdicts.count { $0 == .rotate } == 1)
            #expect(verdicts.count { $0 == .replay } == 49)
        },
        Check("race: fifty differently named requests leave one successor, given to one") { store in
            let verdicts = try await race(on: store) { $0 }
            #expect(verdicts.count { $0 == .rotate } == 1)
            #expect(verdicts.count { $0 == .conflict } == 49)
        },
        Check("race: tries at a step-up do not get past the limit") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let granted = try await together(20) { _ in try await store.spendStepUpTry(session.id, limit: 5) }
            #expect(granted.count { $0 } == 5)
            #expect(try await store.session(session.id)?.stepUpFailures == 5)
        },
        Check("race: an identifier is taken once") { store in
            let users = try (1...20).map { number in
                let user = try Sample.user("user \(number)")
                return User(
                    id: user.id, identifier: try Identifier("same").orThrow(), createdAt: user.createdAt,
                    password: user.password)
            }
            let inserted = try await together(20) { index in
                try await store.addUser(users[index], Event(.registered, at: Sample.start, subject: users[index].id))
            }
            #expect(inserted.count { $0 } == 1)
            #expect(try await store.events(since: Sample.start, kinds: [.registered], limit: 100).count == 1)
        },
        Check("race: logins do not get past the throttle") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let admissions = try await together(20) { _ in try await store.reserve(keys) }
            #expect(admissions.count { $0 == .granted } == 5)
            #expect(admissions.count { $0 == .busy } == 15, "none has failed yet")
            let event = Event(.loginFailed, at: Sample.start)
            _ = try await together(5) { _ in try await store.settle(keys, .failed(event)) }
            #expect(try await store.reserve(keys) == .wait(1))
        },
        Check("race: failures of many identifiers from one network are counted together") { store in
            _ = try await together(50) { number in
                let keys = try Sample.throttleKeys("user \(number)", "192.0.2.7")
                #expect(try await store.reserve(keys) == .granted)
                try await store.settle(keys, .failed(Event(.loginFailed, at: Sample.start)))
            }
            let rule = LoginThrottle(networkFailures: 50)
            let keys = try Sample.throttleKeys("owner", "192.0.2.9")
            #expect(try await store.reserveLogin(keys, under: rule, at: Sample.start) == .wait(72))
        },
        // FAULTS B3
        Check("race: sign-ins of one user keep to the limit of sessions") { store in
            let user = try Sample.user("owner")
            try await store.put(user)
            let sessions = try (UInt64(1)...20).map { try Sample.session(of: user, $0) }
            let ended = try await together(20) { index in
                try await store.startSession(
                    sessions[index], ifUserVersionIs: 1, limit: 5, Sample.started(sessions[index]))
            }
            let displaced = ended.map { if case .started(let events) = $0 { events.count } else { -1 } }
            #expect(displaced.allSatisfy { $0 >= 0 } && displaced.reduce(0, +) == 15)
            #expect(try await store.liveSessions(of: user.id, at: Sample.start).count == 5)
        },
        Check("race: a sign-out beats every refresh that comes after it") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let verdicts = try await together(50) { index -> Verdict? in
                guard index == 25 else {
                    let turn = TurnSample(of: session, successor: UInt64(index)).turn
                    return try await store.rotate(turn, under: .init()).verdict
                }
                let ending = SessionEnding(.signedOut, at: Sample.start + 60, origin: nil)
                #expect(try await store.end(.one(session.id), ending) == [session.id])
                return nil
            }
            #expect(verdicts.count { $0 == .rotate } <= 1)
            #expect(
                verdicts.compactMap { $0 }.allSatisfy {
                    [.rotate, .conflict, .replay, .reuse, .revoked(.signedOut)].contains($0)
                })
            let row = try #require(try await store.session(session.id))
            #expect(row.ending?.reason == .signedOut && row.chain.hash.isEmpty && row.chain.seal.isEmpty)
        },
    ]

    /// Fifty requests with one token at once. Afterwards one successor lives, and each request that got one got that.
    private static func race(
        on store: any Store, attempt: @escaping @Sendable (UInt64) -> UInt64?
    ) async throws -> [Verdict] {
        let user = try Sample.user("owner")
        let session = try Sample.session(of: user, 1)
        try await store.put(user, session)
        let outcomes = try await together(50) { index in
            let turn = TurnSample(of: session, successor: UInt64(1000 + index)).with {
                $0.attempt = attempt(UInt64(index + 1))
            }
            return (turn.turn, try await store.rotate(turn.turn, under: .init()))
        }
        let winner = try #require(outcomes.first { $0.1.verdict == .rotate })
        let row = session.turned(by: winner.0)
        #expect(try await store.session(session.id) == row)
        #expect(outcomes.allSatisfy { $0.1.session == row })
        #expect(try await store.liveSessions(of: user.id, at: Sample.start + 60) == [row])
        #expect(try await store.newEvents().isEmpty)
        return outcomes.map(\.1.verdict)
    }

    static func together<Value: Sendable>(
        _ count: Int, _ work: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { group in
            for index in 0..<count { group.addTask { try await work(index) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
