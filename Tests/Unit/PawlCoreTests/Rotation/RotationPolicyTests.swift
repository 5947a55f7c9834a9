import PawlTesting
import Testing

@testable import PawlCore

/// One row of the design's table of verdicts: what is presented to which session, and what comes of it.
private struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let verdict: Verdict
    let effect: String
    let policy: RotationPolicy
    let losses: [Incident]
    let session: @Sendable (inout Session) -> Void
    let turn: @Sendable (inout TurnSample) -> Void

    init(
        _ description: String, _ verdict: Verdict, _ effect: String = "none", policy: RotationPolicy = .init(),
        losses: [Incident] = [],
        session: @escaping @Sendable (inout Session) -> Void = { _ in },
        turn: @escaping @Sendable (inout TurnSample) -> Void = { _ in }
    ) {
        testDescription = description
        self.verdict = verdict
        self.effect = effect
        self.policy = policy
        self.losses = losses
        self.session = session
        self.turn = turn
    }
}

private let start = Sample.start

/// A loss of the first ten seconds, met when they were over.
private let loss = Incident(number: 1, detectedAt: start + 10, lost: start...start + 9)
/// The same, with its window open from the fortieth second on.
private let opened = Incident(number: 1, detectedAt: start + 10, lost: start...start + 9, openedAt: start + 40)
private let closed: Incident = {
    var incident = opened
    incident.closedAt = start + 50
    return incident
}()

@Suite("Rotation policy", .tags(.p5, .p6, .p11))
struct RotationPolicyTests {
    /// The sample session is of generation 3, turned by the attempts 7, none, 9 (newest first).
    private static let table = [
        Case("revoked: its reason", .revoked(.revoked), session: { $0 = $0.ended(at: start, reason: .revoked) }),
        Case(
            "revoked comes before expired", .revoked(.signedOut),
            session: { $0 = $0.ended(at: start, reason: .signedOut) }, turn: { $0.now = start + Sample.absolute }),
        Case(
            "revoked comes before a wrong delivery", .revoked(.lost),
            session: { $0 = $0.ended(at: start, reason: .lost) }, turn: { $0.delivery = .cookie }),
        Case(
            "the last second before the absolute end", .rotate, "turn",
            session: { $0.deadlines.idle = start + 2 * Sample.absolute }, turn: { $0.now = start + Sample.absolute - 1 }
        ),
        Case(
            "the absolute end", .expired, session: { $0.deadlines.idle = start + 2 * Sample.absolute },
            turn: { $0.now = start + Sample.absolute }),
        Case(
            "the absolute end comes before diverged", .expired,
            turn: {
                $0.now = start + Sample.absolute; $0.generation += 5
            }),
        // FAULTS B1
        Case(
            "the current token by another delivery", .wrongDelivery, "record wrong_delivery",
            turn: { $0.delivery = .cookie }),
        Case(
            "the current token by another delivery, idle too long", .wrongDelivery, "record wrong_delivery",
            turn: {
                $0.delivery = .cookie; $0.now = start + Sample.idle
            }),
        Case(
            "an earlier generation by another delivery is reuse all the same", .reuse, "end",
            turn: {
                $0.delivery = .cookie; $0.generation = 0
            }),
        Case(
            "the token before, by another delivery and another attempt, inside the leeway", .conflict,
            turn: {
                $0.delivery = .cookie; $0.generation = 2; $0.attempt = 8; $0.now = start + 29
            }),
        Case(
            "no successor is given out by another delivery", .wrongDelivery, "record wrong_delivery",
            turn: {
                $0.delivery = .cookie; $0.generation = 2; $0.attempt = 7
            }),
        Case(
            "an open window moves no session on by another delivery", .wrongDelivery, "record wrong_delivery",
            losses: [opened],
            turn: {
                $0.delivery = .cookie; $0.generation = 5
            }),
        Case(
            "a generation beyond, by another delivery", .diverged,
            turn: {
                $0.delivery = .cookie; $0.generation += 1
            }),

        Case("one generation beyond", .diverged, turn: { $0.generation += 1 }),
        Case("many generations beyond", .diverged, turn: { $0.generation = .max - 1 }),
        // FAULTS F10
        Case("the last generation that can be counted", .invalid, turn: { $0.generation = .max }),
        Case("the same as the current one", .invalid, session: { $0.chain.generation = .max }),
        Case(
            "the same in an open window", .invalid, losses: [opened], turn: { $0.generation = .max }),
        // FAULTS B8
        Case(
            "a generation beyond, from the future", .invalid,
            turn: {
                $0.generation += 1; $0.issuedAt = $0.now + 126
            }),
        Case(
            "a generation beyond, from before the clock was set back a little", .diverged,
            turn: {
                $0.generation += 1; $0.issuedAt = $0.now + 125
            }),
        Case(
            "a generation beyond, issued before the last turn", .invalid,
            turn: {
                $0.generation = 99; $0.issuedAt = start - 13 * 86400
            }),
        Case(
            "the same, by so little that clocks may differ", .diverged,
            turn: {
                $0.generation += 1; $0.issuedAt = start - 125
            }),
        Case(
            "the same, by a second more", .invalid,
            turn: {
                $0.generation += 1; $0.issuedAt = start - 126
            }),
        Case(
            "the same in a lost interval: another copy of the old history has turned the session since", .diverged,
            losses: [loss], session: { $0.chain.rotatedAt = start + 30 },
            turn: {
                $0.generation += 1; $0.issuedAt = start
            }),
        Case(
            "another token of the current generation, issued before the last turn", .diverged,
            turn: {
                $0.hash = Sample.bytes(5); $0.issuedAt = start - 3600
            }),
        Case("the current generation with another hash", .diverged, turn: { $0.hash = Sample.bytes(5) }),
        Case("the current generation with no hash", .diverged, turn: { $0.hash = [] }),
        Case(
            "diverged comes before idle", .diverged,
            turn: {
                $0.generation += 1; $0.now = start + Sample.idle
            }),
        Case(
            "an earlier generation issued as a lost interval began", .diverged,
            losses: [loss],
            turn: {
                $0.generation = 0; $0.issuedAt = start
            }),
        Case(
            "an earlier generation issued as a lost interval ended", .diverged,
            losses: [loss],
            turn: {
                $0.generation = 0; $0.issuedAt = start + 9
            }),
        Case(
            "an earlier generation issued after a lost interval", .reuse, "end",
            losses: [loss],
            turn: {
                $0.generation = 0; $0.issuedAt = start + 10
            }),
        Case(
            "the current token although issued in a lost interval", .rotate, "turn",
            losses: [loss], turn: { $0.issuedAt = start }),

        Case(
            "an earlier generation of a lost interval, by the attempt that spent it", .conflict,
            losses: [loss],
            turn: {
                $0.generation = 0; $0.attempt = 9; $0.issuedAt = start; $0.now = start + 29
            }),
        Case(
            "the same after the leeway", .stale, losses: [loss],
            turn: {
                $0.generation = 0; $0.attempt = 9; $0.issuedAt = start
            }),
        Case(
            "an undecided incident keeps clients waiting for a day", .diverged, losses: [loss],
            turn: {
                $0.generation = 5; $0.now = start + 10 + 86399
            }),
        Case(
            "and then no longer", .lost, "end", losses: [loss],
            turn: {
                $0.generation = 5; $0.now = start + 10 + 86400
            }),
        Case(
            "a token of another time is another incident's", .diverged, losses: [closed],
            turn: {
                $0.generation = 5; $0.issuedAt = start + 10
            }),
        Case(
            "an open window moves the session on", .rotate, "recover", losses: [opened],
            turn: { $0.generation = 5 }),
        Case(
            "also from another token of the same generation", .rotate, "recover", losses: [opened],
            turn: { $0.hash = Sample.bytes(5) }),
        Case(
            "also if it looks idle", .rotate, "recover", losses: [opened],
            session: { $0.deadlines.idle = start + 50 }, turn: { $0.generation = 5 }),
        Case(
            "until it ends by itself", .rotate, "recover", losses: [opened],
            session: { $0.deadlines.idle = start + 50 },
            turn: {
                $0.generation = 5; $0.now = start + 40 + 7 * 86400 - 1
            }),
        Case(
            "a window that ended by itself", .lost, "end", losses: [opened],
            turn: {
                $0.generation = 5; $0.now = start + 40 + 7 * 86400
            }),
        Case(
            "a window that was closed", .lost, "end", losses: [closed], turn: { $0.generation = 5 }),
        Case(
            "an open window moves no session back", .lost, "end", losses: [opened],
            turn: { $0.generation = 1 }),
        Case(
            "a session goes on once in a window: an older copy ends nothing", .lost,
            losses: [opened], session: { $0.chain.recoveredAt = start + 40 },
            turn: { $0.generation = 1 }),
        Case(
            "a session goes on once in a window: of two copies of the same history one is somebody else's", .lost,
            "end", losses: [opened], session: { $0.chain.recoveredAt = start + 40 },
            turn: { $0.generation = 5 }),
        Case(
            "a session that went on in an earlier window goes on again", .rotate, "recover",
            losses: [opened], session: { $0.chain.recoveredAt = start + 39 }, turn: { $0.generation = 5 }),
        Case(
            "the retry of the turn that recovered a session", .replay, losses: [opened],
            session: { $0.chain.recoveredAt = start + 41 },
            turn: {
                $0.generation = 2; $0.attempt = 7; $0.now = start + 3600
            }),

        Case("idle too long", .expired, turn: { $0.now = start + Sample.idle }),
        Case("the last second before that", .rotate, "turn", turn: { $0.now = start + Sample.idle - 1 }),
        Case(
            "a spent token of an idle session", .expired,
            turn: {
                $0.now = start + Sample.idle; $0.generation = 0
            }),

        Case("the current token", .rotate, "turn"),
        Case("the current token with a name", .rotate, "turn", turn: { $0.attempt = 1 }),
        // FAULTS B11
        Case(
            "the current token by the attempt that made it", .steady,
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = start + 59
            }),
        Case(
            "the same, by a clock that is behind", .steady,
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = start - 60
            }),
        Case(
            "the same in a strict configuration", .steady, policy: .init(leeway: 0),
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = start
            }),
        Case("the same a minute later", .rotate, "turn", turn: { $0.attempt = Sample.nextName(7) }),
        Case(
            "the current token by the attempt before that", .rotate, "turn",
            session: { $0.chain.attempts[1] = AttemptDigest(value: 6) },
            turn: {
                $0.attempt = Sample.nextName(6); $0.now = start
            }),
        Case(
            "the current token unnamed, as was the turn that made it", .rotate, "turn",
            session: {
                $0.chain.attempts[0] = nil; $0.chain.currentAttempt = nil
            }, turn: { $0.now = start }),
        Case(
            "a step-up by the attempt that made the current token", .rotate, "turn",
            turn: {
                $0.attempt = Sample.nextName(7)
                $0.now = start
                $0.stepUp = StepUp(userVersion: 1, authMethods: ["pwd"], newPassword: nil)
            }),
        Case(
            "the current token by the attempt that made it, idle too long", .expired,
            session: { $0.deadlines.idle = start + 10 },
            turn: {
                $0.attempt = Sample.nextName(7); $0.now = start + 10
            }),

        Case(
            "the token before, by the same attempt", .replay,
            turn: {
                $0.generation = 2; $0.attempt = 7
            }),
        Case(
            "the same, as late as can be", .replay,
            turn: {
                $0.generation = 2; $0.attempt = 7; $0.now = start + Sample.idle - 1
            }),
        Case(
            "the same, by a clock that is behind", .replay,
            turn: {
                $0.generation = 2; $0.attempt = 7; $0.now = start - 60
            }),
        Case(
            "the token before, nobody naming an attempt, in the last second of the leeway", .replay,
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 30
            }),
        Case(
            "the same a second later", .reuse, "end", session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 31
            }),
        // FAULTS B10: a turn late in one second and its repeat early in another are a moment apart.
        Case(
            "the same within a leeway of one second, which the clock shows as one", .replay, policy: .init(leeway: 1),
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 1
            }),
        Case(
            "the same within a leeway of two seconds, which the clock shows as two", .replay, policy: .init(leeway: 2),
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 2
            }),
        Case(
            "the same when a leeway of one second is certainly over", .reuse, "end", policy: .init(leeway: 1),
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 2
            }),
        Case(
            "the same by a clock that is a little behind: its age is none", .replay,
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start - 60
            }),
        Case(
            "the same by a clock that is far behind, where every token looks fresh", .conflict,
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start - 61
            }),
        Case(
            "the same after the server has not run for most of an hour", .replay,
            policy: {
                var policy = RotationPolicy()
                policy.absences = [start - 3...start + 3000, start + 5000...start + 6000]
                return policy
            }(), session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 3030
            }),
        Case(
            "the same a second later", .reuse, "end",
            policy: {
                var policy = RotationPolicy()
                policy.absences = [start - 3...start + 3000]
                return policy
            }(), session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start + 3031
            }),
        Case(
            "the same in a strict configuration", .reuse, "end", policy: .init(leeway: 0),
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.now = start
            }),

        Case(
            "the token before, by another attempt, inside the leeway", .conflict,
            turn: {
                $0.generation = 2; $0.attempt = 8; $0.now = start + 29
            }),
        Case(
            "the token before, named, where the rotation was not, inside the leeway", .conflict,
            session: { $0.chain.attempts[0] = nil },
            turn: {
                $0.generation = 2; $0.attempt = 8; $0.now = start + 29
            }),
        Case(
            "the token before, unnamed, where the rotation was named, inside the leeway", .conflict,
            turn: {
                $0.generation = 2; $0.now = start + 29
            }),
        Case(
            "a conflict from another address", .conflict, "record refresh_conflict",
            turn: {
                $0.generation = 2; $0.now = start; $0.origin = Origin(address: "203.0.113.1", userAgent: "Sample/1")
            }),
        Case(
            "a conflict from another agent", .conflict, "record refresh_conflict",
            turn: {
                $0.generation = 2; $0.now = start; $0.origin = Origin(address: "192.0.2.7", userAgent: "x")
            }),
        // FAULTS B11
        Case(
            "an earlier generation, by the attempt that spent it, inside the leeway", .conflict,
            turn: {
                $0.generation = 0; $0.attempt = 9; $0.now = start + 29
            }),
        Case(
            "the same after the leeway", .stale,
            turn: {
                $0.generation = 0; $0.attempt = 9; $0.now = start + 86400
            }),
        Case(
            "the same in a strict configuration", .stale, policy: .init(leeway: 0),
            turn: {
                $0.generation = 0; $0.attempt = 9; $0.now = start
            }),
        Case(
            "the oldest generation whose name is remembered", .stale,
            session: {
                $0.chain.generation = 9; $0.chain.attempts[3] = AttemptDigest(value: 5)
            },
            turn: {
                $0.generation = 5; $0.attempt = 5
            }),

        Case(
            "the token before, after the leeway", .reuse, "end",
            turn: {
                $0.generation = 2; $0.now = start + 31
            }),
        Case(
            "the token before, by another attempt, after the leeway", .reuse, "end",
            turn: {
                $0.generation = 2; $0.attempt = 8; $0.now = start + 31
            }),
        Case(
            "an earlier generation inside the leeway", .reuse, "end",
            turn: {
                $0.generation = 1; $0.now = start
            }),
        Case(
            "an earlier generation by an attempt that spent another one", .reuse, "end",
            turn: {
                $0.generation = 1; $0.attempt = 7
            }),
        Case(
            "an earlier generation whose name is no longer remembered", .reuse, "end",
            session: { $0.chain.generation = 9 },
            turn: {
                $0.generation = 4; $0.attempt = 5
            }),
        Case(
            "reuse where it is only reported", .reuse, "record reuse_reported", policy: .init(onReuse: .report),
            turn: { $0.generation = 1 }),
    ]

    @Test(arguments: table)
    private func `the policy gives the table's verdicts`(row: Case) throws {
        let decision = try decide(row)
        #expect(decision.verdict == row.verdict)
        #expect(Self.name(decision.effect) == row.effect)
    }

    @Test(arguments: table)
    private func `the policy lets a distrusted token turn a session, and never end one`(row: Case) throws {
        let decision = try decide(row, isDistrusted: true)
        // In an open window nothing but the leaked secret speaks for the token.
        let harmless: [Verdict] = [.rotate, .replay, .steady, .conflict, .stale]
        let isHarmless = harmless.contains(row.verdict) && row.effect != "recover"
        #expect(decision.verdict == (isHarmless ? row.verdict : .invalid))
        #expect(Self.name(decision.effect) == (row.effect == "turn" ? "turn" : "none"))
    }

    @Test func `the policy says expired of a session that it does not know`() throws {
        let session = try Sample.session(of: try Sample.user("owner"), 1)
        #expect(RotationPolicy().apply(TurnSample(of: session).turn, to: nil, in: .init()).verdict == .expired)
        let distrusted = TurnSample(of: session).with { $0.isDistrusted = true }.turn
        #expect(RotationPolicy().apply(distrusted, to: nil, in: .init()).verdict == .invalid)
    }

    @Test(arguments: ReuseResponse.allCases)
    func `reuse keeps evidence of both sides`(response: ReuseResponse) throws {
        let session = try Sample.session(of: try Sample.user("owner"), 1)
        let turn = TurnSample(of: session).with {
            $0.generation = 1
            $0.now = start + 90
            $0.origin = Sample.otherOrigin
        }.turn
        let change = RotationPolicy(onReuse: response).apply(turn, to: session, in: .init())
        let evidence = try #require(change.events.first)
        #expect(change.events.count == 1 && change.changesSession == (response == .end))
        #expect(evidence.kind == (response == .end ? .sessionReused : .reuseReported))
        #expect(evidence.subject == session.subject && evidence.session == session.id && evidence.at == start + 90)
        #expect(evidence.origin == Sample.otherOrigin)
        #expect(
            evidence.details == [
                "generation_gap": "2", "seconds_since_rotation": "90", "holder_address": "192.0.2.7",
                "holder_user_agent": "Sample/1",
            ])
    }

    // FAULTS B1
    @Test func `a token that came another way keeps evidence of both sides`() throws {
        let session = try Sample.session(of: try Sample.user("owner"), 1, delivery: .cookie)
        let turn = TurnSample(of: session).with {
            $0.delivery = .body
            $0.origin = Sample.otherOrigin
        }.turn
        let change = RotationPolicy().apply(turn, to: session, in: .init())
        let event = try #require(change.events.first)
        #expect(change.events.count == 1 && !change.changesSession)
        #expect(event.kind == .wrongDelivery && event.session == session.id && event.subject == session.subject)
        #expect(event.origin == Sample.otherOrigin)
        #expect(
            event.details == [
                "generation_gap": "0", "seconds_since_rotation": "60", "holder_address": "192.0.2.7",
                "holder_user_agent": "Sample/1",
            ])
    }

    private func decide(_ row: Case, isDistrusted: Bool = false) throws -> RotationPolicy.Decision {
        var session = try Sample.session(of: try Sample.user("owner"), 1)
        row.session(&session)
        var sample = TurnSample(of: session)
        row.turn(&sample)
        sample.isDistrusted = isDistrusted
        return row.policy.decide(sample.turn.presentation, on: session, in: .init(losses: row.losses))
    }

    private static func name(_ effect: RotationPolicy.Effect) -> String {
        switch effect {
        case .none: "none"
        case .turn: "turn"
        case .recover: "recover"
        case .end: "end"
        case .record(let event): "record \(event.kind.rawValue)"
        }
    }
}
