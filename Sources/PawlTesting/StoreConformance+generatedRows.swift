import PawlCore
import Testing

extension StoreConformance {
    /// The proof that a store's statement and the policy are of one mind.
    static let generatedRows: [Check] = [
        Check("generated rows: the store does exactly what the policy says") { store in
            let user = try Sample.user("owner")
            try await store.put(user)
            let pairs = try GeneratedRow.make(2000, seed: 20_260_101, for: user)
            var count: [Verdict: Int] = [:]
            for pair in pairs {
                #expect(try await store.startSession(pair.session, ifUserVersionIs: 1, Sample.started(pair.session)))
            }
            for pair in pairs {
                let outcome = try await store.rotate(pair.turn, under: pair.policy, losses: pair.losses)
                let expected = pair.expected
                count[expected.verdict, default: 0] += 1
                #expect(outcome.verdict == expected.verdict)
                #expect(outcome.session == expected.session)
                #expect(outcome.events == expected.events)
            }
            for pair in pairs { #expect(try await store.session(pair.session.id) == pair.expected.session) }
            #expect(try await store.newEvents() == pairs.flatMap(\.expected.events))

            // A proof over rows that never reach a case proves nothing about it.
            let verdicts: [Verdict] = [
                .rotate, .replay, .steady, .conflict, .stale, .reuse, .diverged, .lost, .expired, .wrongDelivery,
                .invalid, .revoked(.reused), .revoked(.signedOut), .revoked(.revoked),
            ]
            #expect(
                pairs.count { $0.expected.verdict == .rotate && !$0.expected.isPlainTurn } >= 10, "too few recoveries")
            for verdict in verdicts { #expect(count[verdict, default: 0] >= 10, "too few pairs for \(verdict)") }
        }
    ]
}
