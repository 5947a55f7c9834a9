import PawlCore
import Testing

extension StoreConformance {
    /// A session's row, a turn, and what must come of it.
    private struct Story: Sendable {
        let name: String
        var policy = RotationPolicy()
        var losses: [Incident] = []
        var row: @Sendable (inout Session) -> Void = { _ in }
        let turn: @Sendable (inout TurnSample) -> Void
        let verdict: Verdict
        var event: Event.Kind?
        var ends: EndReason?
    }

    static let rotations: [Check] =
        stories.map { story in Check("rotate: \(story.name)") { try await run(story, on: $0) } } + [
            Check("rotate: an unknown session has expired") { store in
                let session = try Sample.session(of: try Sample.user("nobody"), 1)
                let outcome = try await store.rotate(TurnSample(of: session).turn, under: .init())
                #expect(outcome.verdict == .expired)
                #expect(outcome.session == nil)
            },
            Check("rotate: a turn writes no event and leaves other sessions alone") { store in
                let user = try Sample.user("owner")
                let (one, other) = (try Sample.session(of: user, 1), try Sample.session(of: user, 2))
                try await store.put(user, one, other)
                _ = try await store.rotate(TurnSample(of: one).turn, under: .init())
                #expect(try await store.newEvents().isEmpty)
                #expect(try await store.session(other.id) == other)
            },
        ]

    private static func run(_ story: Story, on store: any Store) async throws {
        let user = try Sample.user("owner")
        var session = try Sample.session(of: user, 1)
        story.row(&session)
        try await store.put(user, session)
        var sample = TurnSample(of: session)
        story.turn(&sample)
        let turn = sample.turn

        let outcome = try await store.rotate(turn, under: story.policy, losses: story.losses)

        var expected = session
        if story.verdict == .rotate { expected = session.turned(by: turn) }
        if let reason = story.ends { expected = session.ended(at: turn.presentation.now, reason: reason) }
        #expect(outcome.verdict == story.verdict)
        #expect(outcome.session == expected)
        #expect(try await store.session(session.id) == expected)
        #expect(outcome.events.map(\.kind) == (story.event.map { [$0] } ?? []))

        let events = try await store.newEvents()
        #expect(events.map(\.kind) == (story.event.map { [$0] } ?? []))
        #expect(
            events.allSatisfy { $0.session == session.id && $0.subject == user.id && $0.at == turn.presentation.now })
        #expect(
            events.allSatisfy {
                $0.details["generation_gap"] == String(session.chain.generation - turn.presentation.generation)
            })
        if story.ends != nil {
            #expect(
                expected.chain.hash.isEmpty && expected.chain.seal.isEmpty
                    && expected.chain.attempts.allSatisfy { $0 == nil })
            #expect(expected.chain.currentAttempt == nil)
        }
    }

    private static let stories = [
        Story(name: "the current token turns the session", turn: { _ in }, verdict: .rotate),
        Story(
            name: "a named attempt is remembered", turn: { $0.attempt = .max }, verdict: .rotate),
        Story(
            name: "where the request came from is remembered", turn: { $0.origin = Sample.otherOrigin },
            verdict: .rotate),
        Story(
            name: "the current token turns even if its secret is distrusted", turn: { $0.isDistrusted = true },
            verdict: .rotate),
        Story(
            name: "the same attempt is replayed an hour later",
            turn: {
                $0.generation -= 1; $0.attempt = 7; $0.now = $0.now + 3600
            }, verdict: .replay),
        Story(
            name: "racing requests without names are replayed inside the leeway",
            row: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation -= 1; $0.now = Sample.start + 30
            }, verdict: .replay),
        // FAULTS B10: times are whole seconds, so one second may be a moment.
        Story(
            name: "racing requests without names are replayed inside a leeway of one second", policy: .init(leeway: 1),
            row: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation -= 1; $0.now = Sample.start + 1
            }, verdict: .replay),
        Story(
            name: "another attempt inside the leeway is a conflict",
            turn: {
                $0.generation -= 1; $0.attempt = 8; $0.now = Sample.start + 29
            }, verdict: .conflict),
        Story(
            name: "a conflict from elsewhere is recorded",
            turn: {
                $0.generation -= 1; $0.now = Sample.start + 1; $0.origin = Sample.otherOrigin
            }, verdict: .conflict,
            event: .refreshConflict),
        Story(
            name: "the attempt that made the current token gets it again for a minute, without a turn",
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = Sample.start + 59
            }, verdict: .steady),
        Story(
            name: "and turns the session from then on",
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = Sample.start + 60
            }, verdict: .rotate),
        Story(
            name: "a row of before, without the current attempt's name, turns", row: { $0.chain.currentAttempt = nil },
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = Sample.start
            }, verdict: .rotate),
        Story(
            name: "a stuck request of a remembered attempt is a conflict inside the leeway",
            turn: {
                $0.generation -= 3; $0.attempt = 9; $0.now = Sample.start + 29
            }, verdict: .conflict),
        Story(
            name: "an older token with the attempt that spent it is stale after the leeway, and the session lives",
            turn: {
                $0.generation -= 3; $0.attempt = 9; $0.now = Sample.start + 3600
            }, verdict: .stale),
        Story(
            name: "another attempt after the leeway ends the session",
            turn: {
                $0.generation -= 1; $0.attempt = 8; $0.now = Sample.start + 31
            }, verdict: .reuse,
            event: .sessionReused, ends: .reused),
        Story(
            name: "an older token ends the session",
            turn: {
                $0.generation -= 2; $0.now = Sample.start
            },
            verdict: .reuse, event: .sessionReused, ends: .reused),
        Story(
            name: "in report-only mode reuse is recorded and the session lives", policy: .init(onReuse: .report),
            turn: {
                $0.generation -= 2; $0.origin = Sample.otherOrigin
            }, verdict: .reuse, event: .reuseReported),
        Story(
            name: "a spent token that only a distrusted secret vouches for ends nothing",
            turn: {
                $0.generation -= 2; $0.isDistrusted = true
            }, verdict: .invalid),
        Story(name: "a token from the future has diverged", turn: { $0.generation += 1 }, verdict: .diverged),
        Story(
            name: "another token of the current generation has diverged", turn: { $0.hash = Sample.bytes(99) },
            verdict: .diverged),
        Story(
            name: "a spent token of a lost interval has diverged",
            losses: [Sample.incident()], turn: { $0.generation -= 2 },
            verdict: .diverged),
        Story(
            name: "a session that was idle too long has expired", turn: { $0.now = Sample.start + Sample.idle },
            verdict: .expired),
        Story(
            name: "a session past its absolute end has expired",
            row: { $0.deadlines.idle = $0.deadlines.absolute + 86400 },
            turn: { $0.now = Sample.start + Sample.absolute },
            verdict: .expired),
        Story(
            name: "a signed-out session says why", row: { $0 = $0.ended(at: Sample.start, reason: .signedOut) },
            turn: { _ in }, verdict: .revoked(.signedOut)),
        // FAULTS B1
        Story(
            name: "the current token that comes another way than it was delivered is refused and recorded",
            turn: {
                $0.delivery = .cookie; $0.origin = Sample.otherOrigin
            }, verdict: .wrongDelivery, event: .wrongDelivery),
        Story(
            name: "an older token ends the session whichever way it comes",
            turn: {
                $0.delivery = .cookie; $0.generation -= 2
            }, verdict: .reuse, event: .sessionReused, ends: .reused),
        // FAULTS F10
        Story(
            name: "the last generation that can be counted turns into no other", row: { $0.chain.generation = .max },
            turn: { _ in }, verdict: .invalid),
        Story(
            name: "the one before it turns", row: { $0.chain.generation = .max - 1 }, turn: { _ in }, verdict: .rotate),
        // FAULTS B8
        Story(
            name: "a token that is ahead of the row and older than the row's last turn is invalid",
            turn: {
                $0.generation += 96; $0.issuedAt = Sample.start - 13 * 86400
            }, verdict: .invalid),
    ]
}
