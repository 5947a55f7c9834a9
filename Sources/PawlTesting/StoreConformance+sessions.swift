import PawlCore
import Testing

extension StoreConformance {
    static let sessions: [Check] = [
        Check("sessions: a row comes back as it was put in") { store in
            let user = try Sample.user("owner", roles: ["admin", "b"], scope: ["read", "write:all"])
            var session = try Sample.session(of: user, 1, delivery: .cookie)
            session.device = "Ana's \"phone\"; DROP TABLE sessions;-- 🦀"
            session.origin = Origin(address: "2001:db8::1", userAgent: "Mozilla/5.0 (é; 中) 'x'")
            session.chain.attempts = [
                AttemptDigest(value: .max), AttemptDigest(value: 1 << 63), nil, AttemptDigest(value: 1),
            ]
            session.chain.generation = .max - 1
            session.proof.methods = ["pwd", "otp"]
            session.stepUpFailures = 4
            var fresh = try Sample.session(of: user, 2)
            fresh.chain.seal = []
            fresh.chain.attempts = [nil, nil, nil, nil]
            fresh.scope = []
            fresh.roles = []
            try await store.put(user, session, fresh)
            #expect(try await store.session(session.id) == session)
            #expect(try await store.session(fresh.id) == fresh)
        },
        Check("sessions: one starts only for the user as they were read") { store in
            let user = try Sample.user("owner", version: 3)
            let disabled = try Sample.user("disabled", isDisabled: true)
            let unknown = try Sample.user("unknown")
            try await store.put(user)
            try await store.put(disabled)
            for (owner, version) in [(user, Int64(2)), (user, 4), (disabled, 1), (unknown, 1)] {
                let session = try Sample.session(of: owner, 1)
                #expect(
                    try await store.startSession(session, ifUserVersionIs: version, Sample.started(session)) == false)
                #expect(try await store.session(session.id) == nil)
            }
            #expect(try await store.events(since: Sample.start, kinds: [.sessionStarted], limit: 10).isEmpty)
            let session = try Sample.session(of: user, 1)
            #expect(try await store.startSession(session, ifUserVersionIs: 3, Sample.started(session)))
            #expect(
                try await store.events(since: Sample.start, kinds: [.sessionStarted], limit: 10)
                    == [Sample.started(session)])
        },
        Check("sessions: the live ones of a subject are listed, newest first") { store in
            let (user, stranger) = (try Sample.user("owner"), try Sample.user("stranger"))
            var rows = try (1...5).map { try Sample.session(of: user, $0) }
            rows[1].deadlines.idle = Sample.start + 10
            rows[3] = rows[3].ended(at: Sample.start, reason: .signedOut)
            try await store.put(user, rows[2], rows[0], rows[4], rows[1], rows[3])
            try await store.put(stranger, try Sample.session(of: stranger, 6))
            #expect(
                try await store.liveSessions(of: user.id, at: Sample.start + 9) == [rows[4], rows[2], rows[1], rows[0]])
            #expect(try await store.liveSessions(of: user.id, at: Sample.start + 10) == [rows[4], rows[2], rows[0]])
            #expect(try await store.liveSessions(of: user.id, at: Sample.start + Sample.idle).isEmpty)
        },
        // FAULTS B3
        Check("sessions: the live ones of a subject are listed page by page") { store in
            let user = try Sample.user("owner")
            let rows = try (1...5).map { try Sample.session(of: user, $0) }
            let dead = rows[2].ended(at: Sample.start, reason: .revoked)
            try await store.put(user, rows[0], rows[1], dead, rows[3], rows[4])
            func page(after cursor: SessionID?) async throws -> [SessionID] {
                try await store.liveSessions(of: user.id, after: cursor, limit: 2, at: Sample.start).map(\.id)
            }
            #expect(try await page(after: nil) == [rows[4].id, rows[3].id])
            #expect(try await page(after: rows[3].id) == [rows[1].id, rows[0].id])
            #expect(try await page(after: dead.id) == [rows[1].id, rows[0].id], "one that has ended is a place, too")
            #expect(try await page(after: rows[0].id).isEmpty)
        },
        // FAULTS B3
        Check("sessions: those of a user that were used least recently are found, as many as are too many") { store in
            let (user, stranger) = (try Sample.user("owner"), try Sample.user("stranger"))
            var rows = try (1...6).map { try Sample.session(of: user, $0) }
            for (place, age) in [30, 10, 50, 20, 40, 0].enumerated() {
                rows[place].chain.rotatedAt = Sample.start + Int64(age)
            }
            // The last one is the least recently used, and has ended.
            rows[5] = rows[5].ended(at: Sample.start, reason: .signedOut)
            try await store.put(user, rows[0], rows[1], rows[2], rows[3], rows[4], rows[5])
            try await store.put(stranger, try Sample.session(of: stranger, 7))
            func find(beyond kept: Int, sparing spared: SessionID? = nil, limit: Int = 10) async throws -> [SessionID] {
                try await store.leastRecentlyUsed(
                    of: user.id, beyond: kept, sparing: spared, limit: limit, at: Sample.start + 60)
            }
            #expect(try await find(beyond: 5).isEmpty)
            #expect(try await find(beyond: 3) == [rows[1].id, rows[3].id])
            #expect(try await find(beyond: 0, limit: 3) == [rows[1].id, rows[3].id, rows[0].id])
            #expect(try await find(beyond: 2, sparing: rows[1].id) == [rows[3].id, rows[0].id], "it does not count")
            #expect(try await find(beyond: .max).isEmpty)
        },
        // FAULTS B3
        Check("sessions: one above the limit ends the least recently used, and says why") { store in
            let user = try Sample.user("owner")
            var rows = try (1...4).map { try Sample.session(of: user, $0) }
            for (place, age) in [30, 10, 20, 40].enumerated() {
                rows[place].chain.rotatedAt = Sample.start + Int64(age)
            }
            try await store.put(user, rows[0], rows[1], rows[2])
            let ended = try await store.startSession(rows[3], ifUserVersionIs: 1, limit: 2, Sample.started(rows[3]))
            guard case .started(let displaced) = ended else { throw BadSample() }
            #expect(Set(displaced.endedSessions) == [rows[1].id, rows[2].id])
            for row in rows[1...2] {
                #expect(try await store.session(row.id) == row.ended(at: Sample.start, reason: .revoked))
            }
            for row in [rows[0], rows[3]] { #expect(try await store.session(row.id) == row) }
            let events = try await store.newEvents()
            #expect(Set(events.map(\.session)) == [rows[1].id, rows[2].id])
            #expect(events.allSatisfy { $0.details == ["reason": "revoked", "by": "session_limit"] })
            let late = try Sample.session(of: user, 5)
            #expect(
                try await store.startSession(late, ifUserVersionIs: 9, limit: 1, Sample.started(late)) == .userChanged)
            #expect(try await store.liveSessions(of: user.id, at: Sample.start).count == 2, "it ended nothing")
        },
        // FAULTS B3
        Check("sessions: one above a limit that many others exceed does not start") { store in
            let user = try Sample.user("owner")
            let many = try (0..<UInt64(store.sliceSize) + 2).map { try Sample.session(of: user, $0) }
            try await store.put(user)
            for row in many { #expect(try await store.startSession(row, ifUserVersionIs: 1, Sample.started(row))) }
            let late = try Sample.session(of: user, 1000)
            for limit in [1, 2] {
                #expect(
                    try await store.startSession(late, ifUserVersionIs: 1, limit: limit, Sample.started(late))
                        == .crowded)
            }
            #expect(try await store.liveSessions(of: user.id, at: Sample.start).count == many.count, "it ended nothing")
            guard
                case .started(let displaced) = try await store.startSession(
                    late, ifUserVersionIs: 1, limit: 3, Sample.started(late))
            else { throw BadSample() }
            #expect(displaced.count == store.sliceSize)
        },
        Check("sessions: one that starts gives the place of its sign-in back, and one that does not start keeps it") {
            store in
            let user = try Sample.user("owner")
            try await store.put(user)
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let reservation = LoginReservation(keys, under: LoginThrottle())
            // As many tries may be under way as fail without a delay.
            while try await store.reserve(keys) == .granted {}
            let session = try Sample.session(of: user, 1)
            for (version, expected) in [(Int64(2), LoginAdmission.busy), (1, .granted)] {
                _ = try await store.startSession(
                    session, ifUserVersionIs: version, limit: .max, releasing: reservation, Sample.started(session))
                #expect(try await store.reserve(keys) == expected)
            }
            #expect(try await store.reserve(keys) == .busy, "one place, and no more")
        },
        // FAULTS B3
        Check("sessions: a user's are ended in slices, in the order of their ids") { store in
            let user = try Sample.user("owner")
            let rows = try (1...7).map { try Sample.session(of: user, $0) }
            let dead = rows[2].ended(at: Sample.start, reason: .signedOut)
            try await store.put(user, rows[0], rows[1], dead, rows[3], rows[4], rows[5], rows[6])
            let ending = SessionEnding(.revoked, at: Sample.start + 5, origin: nil)
            var (cursor, ended): (SessionID?, [[SessionID]]) = (nil, [])
            repeat {
                let slice = try await store.end(
                    .others(of: user.id, keeping: rows[1].id), after: cursor, limit: 2, ending)
                ended.append(slice.ended.endedSessions)
                cursor = slice.cursor
            } while cursor != nil && ended.count < 10
            #expect(ended == [[rows[0].id, rows[3].id], [rows[4].id, rows[5].id], [rows[6].id]])
            #expect(try await store.session(rows[1].id) == rows[1])
            let named = try await store.end(.these([rows[1].id, rows[0].id]), after: nil, limit: 2, ending)
            #expect(named.ended.endedSessions == [rows[1].id] && named.cursor == rows[1].id)
            let rest = try await store.end(.these([rows[1].id, rows[0].id]), after: named.cursor, limit: 2, ending)
            #expect(rest.ended.endedSessions.isEmpty && rest.cursor == nil)
        },
        Check("sessions: ending erases what a token is checked against, with one event each") { store in
            for (number, selection) in ["one", "all", "others"].enumerated() {
                let user = try Sample.user("owner of \(selection)")
                let stranger = try Sample.user("stranger to \(selection)")
                let rows = try (1...3).map { try Sample.session(of: user, $0) }
                let dead = try Sample.session(of: user, 4).ended(at: Sample.start, reason: .reused)
                // Idle for too long is no end that lasts: in a database that has lost writes it may not be true.
                var idle = try Sample.session(of: user, 5)
                idle.deadlines.idle = Sample.start + 10
                let foreign = try Sample.session(of: stranger, 6)
                try await store.put(user, rows[0], rows[1], rows[2], dead, idle)
                try await store.put(stranger, foreign)
                let (selected, hit): (SessionSelection, [Session]) =
                    switch number {
                    case 0: (.one(rows[0].id), [rows[0]])
                    case 1: (.all(of: user.id), rows + [idle])
                    default: (.others(of: user.id, keeping: rows[0].id), [rows[1], rows[2], idle])
                    }
                let ending = SessionEnding(.signedOut, at: Sample.start + 10, origin: Sample.otherOrigin)
                let before = try await store.newEvents().count

                #expect(Set(try await store.end(selected, ending)) == Set(hit.map(\.id)))
                #expect(try await store.end(selected, ending).isEmpty, "a session ends once")

                for row in hit {
                    let ended = row.ended(at: ending.at, reason: .signedOut)
                    #expect(try await store.session(row.id) == ended)
                    #expect(
                        ended.chain.hash.isEmpty && ended.chain.seal.isEmpty
                            && ended.chain.attempts == [nil, nil, nil, nil])
                }
                for row in rows + [dead, idle, foreign] where !hit.contains(row) {
                    #expect(try await store.session(row.id) == row)
                }
                let events = try await store.newEvents().dropFirst(before)
                #expect(Set(events.map(\.session)) == Set(hit.map(\.id)))
                #expect(events.count == hit.count)
                #expect(
                    events.allSatisfy {
                        $0.kind == .sessionEnded && $0.subject == user.id && $0.origin == Sample.otherOrigin
                            && $0.details == ["reason": "signed_out"]
                    })
            }
        },
        Check("sessions: an ending can bring evidence instead of the plain event") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            let evidence = Event(
                .sessionReused, at: Sample.start, subject: user.id, session: session.id,
                details: ["generation_gap": "2"])
            try await store.end(
                .one(session.id), SessionEnding(.reused, at: Sample.start, origin: nil, event: evidence))
            #expect(try await store.newEvents() == [evidence])
        },
        Check("sessions: only a live one of one's own is renamed") { store in
            let (user, stranger) = (try Sample.user("owner"), try Sample.user("stranger"))
            let (live, dead) = (
                try Sample.session(of: user, 1),
                try Sample.session(of: user, 2).ended(at: Sample.start, reason: .signedOut)
            )
            try await store.put(user, live, dead)
            try await store.put(stranger)
            #expect(try await store.rename(live.id, of: user.id, to: "d'été", at: Sample.start))
            var renamed = live
            renamed.device = "d'été"
            #expect(try await store.session(live.id) == renamed)
            #expect(try await store.rename(live.id, of: stranger.id, to: "x", at: Sample.start) == false)
            #expect(try await store.rename(dead.id, of: user.id, to: "x", at: Sample.start) == false)
            #expect(try await store.rename(live.id, of: user.id, to: "x", at: Sample.start + Sample.idle) == false)
            let unknown = try Sample.session(of: stranger, 9)
            #expect(try await store.rename(unknown.id, of: stranger.id, to: "x", at: Sample.start) == false)
            #expect(try await store.session(live.id) == renamed)
        },
        Check("sessions: step-up tries are counted up to the limit") { store in
            let user = try Sample.user("owner")
            let session = try Sample.session(of: user, 1)
            try await store.put(user, session)
            for count in 1...3 {
                #expect(try await store.spendStepUpTry(session.id, limit: 3))
                #expect(try await store.session(session.id)?.stepUpFailures == count)
            }
            #expect(try await store.spendStepUpTry(session.id, limit: 3) == false)
            #expect(try await store.session(session.id)?.stepUpFailures == 3)
            try await store.refundStepUpTry(session.id)
            #expect(try await store.session(session.id)?.stepUpFailures == 2)
            #expect(try await store.spendStepUpTry(session.id, limit: 3))
            for _ in 1...5 { try await store.refundStepUpTry(session.id) }
            #expect(try await store.session(session.id)?.stepUpFailures == 0, "there is no credit")
            let unknown = try Sample.session(of: user, 2).id
            #expect(try await store.spendStepUpTry(unknown, limit: 3) == false)
            try await store.refundStepUpTry(unknown)
        },
        Check(
            "sessions: housekeeping walks in slices and deletes what is over before the cutoff, and counts what lives"
        ) { store in
            let user = try Sample.user("owner")
            var rows = try (1...7).map { try Sample.session(of: user, $0) }
            let cutoff = Sample.start + 100
            rows[0].deadlines.idle = cutoff - 1
            rows[1].deadlines.idle = cutoff
            rows[2] = rows[2].ended(at: cutoff - 1, reason: .signedOut)
            rows[3] = rows[3].ended(at: cutoff, reason: .signedOut)
            rows[5].deadlines.idle = Sample.start + 3
            try await store.put(user, rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6])
            var cursor: SessionID?
            var slices: [SessionID?] = []
            var live: [Int] = []
            repeat {
                let slice = try await store.deleteSessions(endedBefore: cutoff, after: cursor, limit: 3, at: cutoff)
                cursor = slice.cursor
                slices.append(cursor)
                live.append(slice.live)
            } while cursor != nil && slices.count < 10
            #expect(slices == [rows[2].id, rows[5].id, rows[6].id, nil])
            #expect(live == [0, 1, 1, 0], "neither the ended nor the idle, though their rows may stay")
            for (index, row) in rows.enumerated() {
                #expect(try await store.session(row.id) == ([0, 2, 5].contains(index) ? nil : row))
            }
        },
    ]
}
