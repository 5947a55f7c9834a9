import PawlCore
import Testing

extension StoreConformance {
    static let recovery: [Check] = [
        Check("recovery: in an open window a token of the lost history moves its session on, once") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let ahead = lostTurn(of: session, by: 4).with { $0.attempt = 11 }
            let row = session.recovered(by: ahead.turn, at: ahead.now)

            let outcome = try await store.rotate(ahead.turn, under: .init(), losses: open)
            #expect(outcome.verdict == .rotate)
            #expect(outcome.session == row)
            #expect(try await store.session(session.id) == row)
            #expect(row.chain.generation == session.chain.generation + 5 && row.chain.recoveredAt == ahead.now)
            #expect(row.chain.attempts == [AttemptDigest(value: 11), nil, nil, nil])

            // The retry is a replay like any other (P5), and an older copy of the lost history harms nobody.
            let retry = try await store.rotate(ahead.with { $0.now = $0.now + 3600 }.turn, under: .init(), losses: open)
            #expect(retry.verdict == .replay && retry.session == row)
            let old = try await store.rotate(lostTurn(of: session, by: 2).turn, under: .init(), losses: open)
            #expect(old.verdict == .lost && old.session == row)
            // From here on it turns as always.
            let next = TurnSample(of: row, successor: 78).turn
            #expect(try await store.rotate(next, under: .init(), losses: open).verdict == .rotate)
            #expect(try await store.session(session.id) == row.turned(by: next))
            let events = try await store.newEvents()
            #expect(events.map(\.kind) == [.sessionRecovered])
            #expect(events.first?.session == session.id && events.first?.details == ["generation_gap": "4"])

            // Two copies of one history cannot both go on.
            let other = try await store.rotate(lostTurn(of: session, by: 8).turn, under: .init(), losses: open)
            #expect(other.verdict == .lost)
            #expect(try await store.session(session.id) == other.session)
            #expect(other.session?.ending?.reason == .lost)
        },
        // FAULTS F10
        Check("recovery: from the last generation that can be counted no session goes on") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let last = lostTurn(of: session, by: 1).with { $0.generation = .max }
            let outcome = try await store.rotate(last.turn, under: .init(), losses: open)
            #expect(outcome.verdict == .invalid && outcome.session == session)
            #expect(try await store.session(session.id) == session)
            #expect(try await store.newEvents().isEmpty)
        },
        // FAULTS B1
        Check("recovery: a token of the lost history that comes another way moves nothing on") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let ahead = lostTurn(of: session, by: 4).with { $0.delivery = .cookie }
            let outcome = try await store.rotate(ahead.turn, under: .init(), losses: open)
            #expect(outcome.verdict == .wrongDelivery && outcome.session == session)
            let events = try await store.newEvents()
            #expect(events.map(\.kind) == [.wrongDelivery] && events.first?.details["generation_gap"] == "-4")
        },
        Check("recovery: without a decision a session stays as it is; without a window it is lost") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let turn = lostTurn(of: session, by: 1)
            let undecided = [Sample.incident()]
            #expect(try await store.rotate(turn.turn, under: .init(), losses: undecided).verdict == .diverged)
            #expect(try await store.session(session.id) == session)
            #expect(try await store.newEvents().isEmpty)

            let later = turn.with { $0.now = Sample.start + 2 * 86400 }.turn
            let outcome = try await store.rotate(later, under: .init(), losses: undecided)
            let ended = session.ended(at: later.presentation.now, reason: .lost)
            #expect(outcome.verdict == .lost && outcome.session == ended)
            #expect(try await store.session(session.id) == ended)
            let events = try await store.newEvents()
            #expect(events.map(\.kind) == [.sessionEnded] && events.first?.details == ["reason": "lost"])
            #expect(try await store.rotate(later, under: .init(), losses: open).verdict == .revoked(.lost))
        },
        Check("recovery: a new password can come with the turn that recovers") { store in
            let user = try Sample.user("owner", version: 3)
            let (session, other) = (try Sample.session(of: user, 1), try Sample.session(of: user, 2))
            try await store.put(user, session, other)
            @Sendable func turn(at version: Int64) -> Turn {
                lostTurn(of: session, by: 2).with {
                    $0.stepUp = StepUp(
                        userVersion: version, authMethods: ["pwd"],
                        newPassword: SealedPassword(bytes: Sample.bytes(8, count: 90)))
                }.turn
            }
            let late = try await store.rotate(turn(at: 2), under: .init(), losses: open)
            #expect(late.verdict == .conflict && late.session == session)
            #expect(try await store.session(session.id) == session)
            #expect(try await store.newEvents().isEmpty)

            let outcome = try await store.rotate(turn(at: 3), under: .init(), losses: open)
            #expect(outcome.verdict == .rotate && outcome.events.endedSessions == [other.id])
            #expect(try await store.session(session.id)?.chain.recoveredAt != nil)
            #expect(try await store.user(user.id)?.version == 4)
            let kinds = try await store.newEvents().map(\.kind)
            #expect(kinds == [.steppedUp, .passwordChanged, .sessionRecovered, .sessionEnded])
        },
        Check("race: fifty requests with one token of a lost history recover its session once") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let outcomes = try await together(50) { index in
                let sample = lostTurn(of: session, by: 3).with {
                    $0.successor = UInt64(1000 + index)
                    $0.attempt = UInt64(index + 1)
                }
                return (sample, try await store.rotate(sample.turn, under: .init(), losses: open))
            }
            #expect(outcomes.count { $0.1.verdict == .rotate } == 1)
            #expect(outcomes.count { $0.1.verdict == .conflict } == 49)
            let winner = try #require(outcomes.first { $0.1.verdict == .rotate })
            let row = session.recovered(by: winner.0.turn, at: winner.0.now)
            #expect(try await store.session(session.id) == row)
        },
        Check("recovery: what is known of losses is kept, with its events") { store in
            #expect(try await store.dataLossRecord() == DataLossRecord())
            let event = Event(.databaseDiverged, at: Sample.start, details: ["incident": "1"])
            var expected = DataLossRecord()
            @Sendable func change(_ record: inout DataLossRecord) -> [Event] {
                record.beat(at: Sample.start, last: nil, horizon: Sample.start - 1000)
                record.beat(at: Sample.start + 90, last: nil, horizon: Sample.start - 1000)
                _ = record.noteDivergence(issuedAt: Sample.start + 3, at: Sample.start + 91)
                _ = record.open(nil, lostFrom: nil, lostUntil: Sample.start + 80, at: Sample.start + 92)
                record.close(1, at: Sample.start + 93)
                return [event]
            }
            _ = change(&expected)
            let changed = try await store.updateDataLossRecord { change(&$0) }
            #expect(changed == expected)
            #expect(try await store.dataLossRecord() == expected)
            #expect(expected.gaps.count == 1 && expected.incidents.count == 1)
            #expect(try await store.newEvents() == [event])
        },
        Check("race: of fifty requests that meet one loss, one makes an incident of it") { store in
            _ = try await together(50) { index in
                try await store.updateDataLossRecord { record in
                    let incident = record.noteDivergence(
                        issuedAt: Sample.start + Int64(index), at: Sample.start + 60)
                    return incident.map { [Event(.databaseDiverged, at: $0.detectedAt)] } ?? []
                }
            }
            let incidents = try await store.dataLossRecord().incidents
            #expect(incidents.map(\.number) == [1])
            #expect(try await store.newEvents().count == 1)
        },
        Check("recovery: what became of sessions since a moment is counted") { store in
            let user = try Sample.user("owner")
            let start = Sample.start + 100
            #expect(
                try await store.countDataLoss(since: start, at: start)
                    == DataLossCount(recovered: 0, lost: 0, silent: 0))
            var rows = try (1...9).map { try Sample.session(of: user, $0) }
            rows[0].chain.recoveredAt = start
            rows[0].chain.rotatedAt = start
            rows[1].chain.recoveredAt = start - 1
            rows[2] = rows[2].ended(at: start, reason: .lost)
            rows[3] = rows[3].ended(at: start - 1, reason: .lost)
            rows[4] = rows[4].ended(at: start, reason: .revoked)
            rows[5].deadlines.idle = start - 10
            rows[6].chain.rotatedAt = start + 1
            rows[7].chain.rotatedAt = start
            try await store.put(user)
            for row in rows {
                #expect(try await store.startSession(row, ifUserVersionIs: user.version, Sample.started(row)))
            }
            #expect(
                try await store.countDataLoss(since: start, at: start + 10)
                    == DataLossCount(recovered: 1, lost: 1, silent: 4))
            #expect(
                try await store.countDataLoss(since: start, at: Sample.start + Sample.absolute)
                    == DataLossCount(recovered: 1, lost: 1, silent: 0))
        },
        Check("sessions: those that began since a moment are ended in slices") { store in
            let user = try Sample.user("owner")
            let rows = try (UInt64(1)...7).map { number in
                var row = try Sample.session(of: user, number)
                row.createdAt = Sample.start + Int64(number)
                // One that looks idle could still be recovered.
                if number == 6 { row.deadlines.idle = Sample.start }
                if number == 5 { row.ending = Session.Ending(at: Sample.start, reason: .signedOut) }
                return row
            }
            try await store.put(user, rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6])
            let ending = SessionEnding(.revoked, at: Sample.start + 60, origin: nil)
            var (cursor, slices): (SessionID?, [[SessionID]]) = (nil, [])
            repeat {
                let slice = try await store.end(
                    .begun(since: Sample.start + 3), after: cursor, limit: 3, ending)
                slices.append(slice.ended.endedSessions)
                cursor = slice.cursor
            } while cursor != nil && slices.count < 10
            #expect(slices.flatMap(\.self) == [rows[2].id, rows[3].id, rows[5].id, rows[6].id])
            #expect(slices.count > 1 && slices.allSatisfy { $0.count <= 3 })
            for index in [2, 3, 5, 6] {
                #expect(try await store.session(rows[index].id) == rows[index].ended(at: ending.at, reason: .revoked))
            }
            for index in [0, 1, 4] { #expect(try await store.session(rows[index].id) == rows[index]) }
            #expect(try await store.newEvents().map(\.kind) == Array(repeating: .sessionEnded, count: 4))
        },
    ]

    private static let open = [Sample.incident(openedAt: Sample.start + 20)]

    /// A turn with a token that was issued in the lost interval, so many generations ahead of the row.
    private static func lostTurn(of session: Session, by generations: UInt32) -> TurnSample {
        TurnSample(of: session).with {
            $0.generation += generations
            $0.hash = Sample.bytes(50 + UInt64(generations))
            $0.issuedAt = Sample.start + 5
        }
    }
}
