import PawlCore
import Testing

extension StoreConformance {
    static let maintenance: [Check] = [
        Check("status: counts users and sessions, and knows the newest moment") { store in
            let empty = try await store.status()
            #expect(empty.sessions == 0 && empty.users == 0 && empty.newestTime == nil)
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            try await store.put(try Sample.user("other"))
            let turn = TurnSample(of: session).turn
            #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
            let status = try await store.status()
            #expect(status.sessions == 1 && status.users == 2)
            #expect(status.newestTime == turn.presentation.now)
            try await store.append(Event(.registered, at: turn.presentation.now + 5))
            #expect(try await store.status().newestTime == turn.presentation.now + 5)
            #expect(try await store.findDamage().isEmpty)
        },
        Check("passwords are counted by the secret that sealed them") { store in
            #expect(try await store.passwordSeals().isEmpty)
            for (name, first) in [("a", 7), ("b", 200), ("c", 200)] as [(String, UInt8)] {
                let user = try Sample.user(name)
                try await store.put(user)
                try await store.resealPassword(
                    of: user.id, from: user.password, to: SealedPassword(bytes: [first] + Sample.bytes(1)))
            }
            #expect(try await store.passwordSeals() == [7: 1, 200: 2])
        },
        Check("live sessions are counted by their last turn") { store in
            let user = try Sample.user("owner")
            let sessions = try (1...3).map { try Sample.session(of: user, $0) }
            try await store.put(user, sessions[0], sessions[1], sessions[2])
            #expect(try await store.rotate(TurnSample(of: sessions[0]).turn, under: .init()).verdict == .rotate)
            let ending = SessionEnding(.revoked, at: Sample.start, origin: nil)
            #expect(try await store.end(.one(sessions[1].id), ending) == [sessions[1].id])
            func count(_ span: Range<Int64>, at age: Int64 = 60) async throws -> Int {
                try await store.countLiveSessions(
                    turnedIn: Sample.start + span.lowerBound..<Sample.start + span.upperBound, at: Sample.start + age)
            }
            #expect(try await count(0..<60) == 1, "the ended one does not count")
            #expect(try await count(0..<61) == 2)
            #expect(try await count(1..<60) == 0)
            #expect(try await count(0..<61, at: Sample.idle) == 1, "one has gone idle")
        },
    ]
}
