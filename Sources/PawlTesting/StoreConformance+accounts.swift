import PawlCore
import Testing

extension StoreConformance {
    static let accounts: [Check] = [
        Check("users: a row comes back as it was put in, by id and by identifier") { store in
            let user = try Sample.user(
                "o'brien+é@example.com\"; --", version: 12, isDisabled: true, roles: ["admin", "x"], scope: [])
            let other = try Sample.user("other", roles: [], scope: ["a", "b:c"])
            try await store.put(user)
            try await store.put(other)
            #expect(try await store.user(user.id) == user)
            #expect(try await store.user(identifier: user.identifier) == user)
            #expect(try await store.user(identifier: try Identifier("OTHER").orThrow()) == other)
            #expect(try await store.user(try Sample.user("nobody").id) == nil)
            #expect(try await store.user(identifier: try Identifier("nobody").orThrow()) == nil)
        },
        // FAULTS A8
        Check("users: an identifier is found and taken in each spelling that is the same under the rule") { store in
            for (name, others) in [
                ("ΝΙΚΟΣ@example.gr", ["νικος@EXAMPLE.gr", "Νικοσ@example.gr"]), ("Strasse", ["Straße"]),
            ] {
                let user = try Sample.user(name)
                try await store.put(user)
                #expect(try await store.user(user.id)?.identifier.typed == name)
                for other in others {
                    let found = try await store.user(identifier: try Identifier(other).orThrow())
                    #expect(found == user, "\(other)")
                    let twin = try Sample.user(other)
                    #expect(try await store.addUser(twin, Event(.registered, at: Sample.start)) == false, "\(other)")
                }
            }
            #expect(try await store.users(after: nil, limit: 9).count == 2)
            #expect(try await store.oldIdentifiers().isEmpty)
        },
        Check("users: identifiers of an earlier version are found by their spelling, and reported") { store in
            func old(_ spelling: String) throws -> User {
                User(
                    id: try Sample.user(spelling).id,
                    identifier: try Identifier(spelling: spelling, key: nil, typed: nil).orThrow(),
                    createdAt: Sample.start, password: SealedPassword(bytes: [1]))
            }
            let users = try ["li\u{200B}am", "straße", "strasse"].map(old)
            for user in users { try await store.put(user) }
            for user in users {
                let identifier = try Identifier(user.identifier.spelling).orThrow()
                #expect(try await store.user(identifier: identifier) == user)
            }
            #expect(try await store.addUser(Sample.user("STRAẞE"), Event(.registered, at: Sample.start)) == false)
            let report = try await store.oldIdentifiers().sorted { $0.spelling < $1.spelling }
            #expect(
                report == [
                    OldIdentifier(spelling: "li\u{200B}am", reason: .forbidden(.invisible("\u{200B}"))),
                    OldIdentifier(spelling: "straße", reason: .taken(key: "strasse")),
                ])
        },
        Check("users: are listed in the order of their identifiers, page by page") { store in
            for name in ["carol", "alice", "bob", "étienne", "dave"] { try await store.put(try Sample.user(name)) }
            let all = try await store.users(after: nil, limit: 100).map(\.identifier.text)
            #expect(all == ["alice", "bob", "carol", "dave", "étienne"])
            let page = try await store.users(after: try Identifier("bob").orThrow(), limit: 2)
            #expect(page.map(\.identifier.text) == ["carol", "dave"])
        },
        Check("users: an operator's new password ends all sessions and raises the version") { store in
            let user = try Sample.user("owner", version: 3)
            let live = try Sample.session(of: user, 1)
            try await store.put(user, live)
            var change = UserChange(at: Sample.start + 5)
            change.password = SealedPassword(bytes: Sample.bytes(8))
            let result = try #require(try await store.update(user.id, change))
            #expect(result.events.endedSessions == [live.id])
            #expect(result.user.version == 4)
            #expect(try await store.user(user.id)?.password == change.password)
            #expect(try await store.session(live.id)?.ending?.reason == .revoked)
            #expect(try await store.newEvents().map(\.kind) == [.passwordChanged, .sessionEnded])
        },
        Check("users: a taken identifier stays with its owner") { store in
            let user = try Sample.user("owner")
            try await store.put(user)
            let twin = User(
                id: try Sample.user("twin").id, identifier: user.identifier, createdAt: Sample.start,
                password: SealedPassword(bytes: [1]))
            #expect(try await store.addUser(twin, Event(.registered, at: Sample.start, subject: twin.id)) == false)
            #expect(try await store.user(identifier: user.identifier) == user)
            #expect(try await store.user(twin.id) == nil)
            #expect(try await store.events(since: Sample.start, kinds: [.registered], limit: 10).count == 1)
        },
        Check("users: are listed in the order of their identifiers' bytes, in slices") { store in
            let names = ["zoe", "ana", "ANA2", "é", "b b", "ana@x", "中", "🦀"]
            for name in names { try await store.put(try Sample.user(name)) }
            let all = try await store.users(after: nil, limit: 100)
            let inOrder = all.map(\.identifier.text)
            #expect(
                inOrder == inOrder.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } && all.count == names.count)
            #expect(try await store.users(after: nil, limit: 3) == Array(all[..<3]))
            #expect(try await store.users(after: all[2].identifier, limit: 3) == Array(all[3..<6]))
            #expect(try await store.users(after: all[7].identifier, limit: 3).isEmpty)
            let between = try await store.users(after: try Identifier("b").orThrow(), limit: 1)
            #expect(between.map(\.identifier.text) == ["b b"], "the cursor need not exist any more")
        },
        Check("users: an operator's new password ends all sessions") { store in
            let user = try Sample.user("owner", version: 2)
            let sessions = try (1...2).map { try Sample.session(of: user, $0) }
            try await store.put(user, sessions[0], sessions[1])
            var change = UserChange(at: Sample.start + 5)
            change.password = SealedPassword(bytes: Sample.bytes(8, count: 90))
            let result = try #require(try await store.update(user.id, change))
            var expected = user
            expected.password = SealedPassword(bytes: Sample.bytes(8, count: 90))
            expected.version = 3
            #expect(result.user == expected && Set(result.events.endedSessions) == Set(sessions.map(\.id)))
            #expect(try await store.user(user.id) == expected)
            for session in sessions {
                #expect(try await store.session(session.id) == session.ended(at: change.at, reason: .revoked))
            }
            let events = try await store.newEvents()
            #expect(events.map(\.kind) == [.passwordChanged, .sessionEnded, .sessionEnded])
            #expect(events[0].details == ["by": "operator"])
        },
        Check("users: a password is sealed anew only if it is still the one that was read") { store in
            let user = try Sample.user("owner", version: 3)
            try await store.put(user)
            let (fresh, late) = (SealedPassword(bytes: Sample.bytes(1)), SealedPassword(bytes: Sample.bytes(2)))
            try await store.resealPassword(of: user.id, from: user.password, to: fresh)
            try await store.resealPassword(of: user.id, from: user.password, to: late)
            var expected = user
            expected.password = fresh
            #expect(try await store.user(user.id) == expected, "the version stays")
        },
        Check("users: changed roles reach the live sessions and leave ended ones alone") { store in
            let (user, stranger) = (try Sample.user("owner", version: 3), try Sample.user("stranger"))
            let live = try Sample.session(of: user, 1)
            let dead = try Sample.session(of: user, 2).ended(at: Sample.start, reason: .signedOut)
            let foreign = try Sample.session(of: stranger, 3)
            try await store.put(user, live, dead)
            try await store.put(stranger, foreign)

            let change = UserChange(roles: ["admin", "auditor"], at: Sample.start + 5)
            let result = try #require(try await store.update(user.id, change))

            var expected = user
            expected.roles = ["admin", "auditor"]
            expected.version = 4
            #expect(result.user == expected)
            #expect(result.events.endedSessions.isEmpty)
            #expect(try await store.user(user.id) == expected)
            var row = live
            row.roles = expected.roles
            #expect(try await store.session(live.id) == row)
            #expect(try await store.session(dead.id) == dead)
            #expect(try await store.session(foreign.id) == foreign)
            let events = try await store.newEvents()
            #expect(
                events == [
                    Event(
                        .rolesChanged, at: change.at, subject: user.id,
                        details: ["roles": "admin auditor", "scope": "read"])
                ])
        },
        Check("users: roles are copied into sessions that have not ended, in slices") { store in
            let user = try Sample.user("owner")
            let rows = try (1...7).map { try Sample.session(of: user, $0) }
            let dead = rows[3].ended(at: Sample.start, reason: .signedOut)
            try await store.put(user, rows[0], rows[1], rows[2], dead, rows[4], rows[5], rows[6])
            var (cursor, slices): (SessionID?, Int) = (nil, 0)
            repeat {
                cursor = try await store.copyRoles(
                    ["auditor"], scope: [], toSessionsOf: user.id, after: cursor, limit: 4)
                slices += 1
                if slices == 1 { #expect(try await store.session(rows[6].id) == rows[6]) }
            } while cursor != nil && slices < 10
            #expect(slices == 2)
            for var row in rows where row.id != dead.id {
                row.roles = ["auditor"]
                row.scope = []
                #expect(try await store.session(row.id) == row)
            }
            #expect(try await store.session(dead.id) == dead)
        },
        Check("users: disabling ends all sessions, enabling revives none") { store in
            let user = try Sample.user("owner")
            let rows = try (1...2).map { try Sample.session(of: user, $0) }
            try await store.put(user, rows[0], rows[1])
            let at = Sample.start + 5
            let disabled = try #require(try await store.update(user.id, UserChange(isDisabled: true, at: at)))
            #expect(disabled.user.isDisabled && disabled.user.version == 2)
            #expect(Set(disabled.events.endedSessions) == Set(rows.map(\.id)))
            for row in rows { #expect(try await store.session(row.id) == row.ended(at: at, reason: .revoked)) }
            let enabled = try #require(try await store.update(user.id, UserChange(isDisabled: false, at: at)))
            #expect(!enabled.user.isDisabled && enabled.user.version == 3 && enabled.events.endedSessions.isEmpty)
            #expect(try await store.liveSessions(of: user.id, at: at).isEmpty)
            let kinds = try await store.newEvents().map(\.kind)
            #expect(kinds == [.userDisabled, .sessionEnded, .sessionEnded, .userEnabled])
        },
        Check("users: a change that changes nothing leaves version and events alone") { store in
            let user = try Sample.user("owner")
            try await store.put(user)
            let change = UserChange(roles: user.roles, scope: user.scope, isDisabled: false, at: Sample.start)
            let result = try #require(try await store.update(user.id, change))
            #expect(result.user == user && result.events.endedSessions.isEmpty)
            #expect(try await store.user(user.id) == user)
            #expect(try await store.newEvents().isEmpty)
            #expect(try await store.update(try Sample.user("nobody").id, change) == nil)
        },
    ]

    static let throttling: [Check] = [
        Check("throttle: failures slow their network down, and a success forgives nothing") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            try await store.fail(keys, times: 5)
            #expect(try await store.reserve(keys) == .wait(1))
            #expect(try await store.reserve(keys, at: Sample.start + 1) == .granted)
            try await store.settle(keys, .released, at: Sample.start + 1)
            #expect(try await store.reserve(keys) == .wait(1), "the last failure was then, whatever came after")
            #expect(try await store.reserve(keys, at: Sample.start + 1) == .granted)
            try await store.settle(keys, .failed(Event(.loginFailed, at: Sample.start + 1)), at: Sample.start + 1)
            #expect(try await store.reserve(keys, at: Sample.start + 2) == .wait(1))
            #expect(try await store.reserve(keys, at: Sample.start + 3) == .granted)
        },
        Check("throttle: a try under way is no failed one") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            for _ in 1...10 {
                for _ in 1...5 { #expect(try await store.reserve(keys) == .granted) }
                #expect(try await store.reserve(keys) == .busy)
                for _ in 1...5 { try await store.settle(keys, .released) }
            }
        },
        Check("throttle: tries whose process died are given up") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            for _ in 1...5 { #expect(try await store.reserve(keys) == .granted) }
            #expect(try await store.reserve(keys, at: Sample.start + 10) == .busy)
            for _ in 1...5 { #expect(try await store.reserve(keys, at: Sample.start + 11) == .granted) }
            #expect(try await store.reserve(keys, at: Sample.start + 11) == .busy)
        },
        Check("throttle: other networks and other identifiers go on") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            try await store.fail(keys, times: 5)
            #expect(try await store.reserve(keys) == .wait(1))
            for (identifier, address) in [("owner", "198.51.100.1"), ("other", "192.0.2.7")] {
                #expect(try await store.reserve(try Sample.throttleKeys(identifier, address)) == .granted)
            }
        },
        Check("throttle: failures everywhere make an identifier's delays longer, and no network waits for another") {
            store in
            for number in 0..<50 { try await store.fail(try Sample.throttleKeys("owner", "10.0.\(number).1")) }
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            try await store.fail(keys)
            #expect(try await store.reserve(keys) == .wait(1), "elsewhere five are free")
            #expect(try await store.reserve(try Sample.throttleKeys("owner", "198.51.100.1")) == .granted)
            #expect(try await store.reserve(try Sample.throttleKeys("other", "192.0.2.7")) == .granted)
        },
        Check("throttle: failures of a network over all identifiers are bounded") { store in
            for number in 0..<100 { try await store.fail(try Sample.throttleKeys("user \(number)", "192.0.2.7")) }
            let (inside, outside) = (
                try Sample.throttleKeys("owner", "192.0.2.200"), try Sample.throttleKeys("owner", "198.51.100.1")
            )
            #expect(try await store.reserve(inside) == .wait(36))
            #expect(try await store.reserve(outside) == .granted)
            #expect(try await store.reserve(inside, at: Sample.start + 36) == .granted)
        },
        Check("throttle: registrations count whatever becomes of them") { store in
            let keys = try Sample.registrationKeys("192.0.2.7")
            for _ in 1...100 { #expect(try await store.reserve(keys) == .granted) }
            #expect(try await store.reserve(keys) == .wait(36))
            try await store.settle(keys, .released)
            #expect(try await store.reserve(keys) == .granted, "the server was busy")
            #expect(try await store.reserve(keys) == .wait(36))
            #expect(try await store.reserve(try Sample.registrationKeys("198.51.100.1")) == .granted)
            #expect(try await store.reserve(try Sample.throttleKeys("owner", "192.0.2.7")) == .granted)
        },
        Check("throttle: a failure's event is recorded with it") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let event = Event(
                .loginFailed, at: Sample.start, subject: try Sample.user("owner").id, origin: Sample.origin)
            #expect(try await store.reserve(keys) == .granted)
            try await store.settle(keys, .failed(event))
            #expect(try await store.newEvents() == [event])
        },
        Check("throttle: the failures of an account in a minute are one event") { store in
            let (owner, other) = (try Sample.user("owner").id, try Sample.user("other").id)
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let minute = UnixTime(seconds: Sample.start.seconds / 60 * 60)
            func fail(_ subject: SubjectID?, at time: UnixTime) async throws {
                let event = Event(.loginFailed, at: time, subject: subject, origin: Sample.origin)
                try await store.settle(keys, .failed(event), at: time)
            }
            for second in 0..<60 { try await fail(owner, at: minute + Int64(second)) }
            for _ in 1...3 { try await fail(nil, at: minute + 30) }
            try await fail(other, at: minute + 59)
            try await fail(owner, at: minute + 60)
            let events = try await store.events(since: minute, kinds: [.loginFailed], limit: 10)
            #expect(events.map(\.subject) == [owner, nil, other, owner])
            #expect(events.map(\.details) == [["count": "60"], ["count": "3"], [:], [:]])
            #expect(events.map(\.at) == [minute, minute + 30, minute + 59, minute + 60])
        },
        Check("throttle: housekeeping deletes in slices, and only what counts no more") { store in
            let keys = try (0..<4).map { try Sample.throttleKeys("owner \($0)", "192.0.\($0).7") }
            for key in keys { try await store.fail(key, times: 5) }
            // At the very second of the last failure: only a counter that was deleted lets another try through.
            func slowed() async throws -> Int {
                var count = 0
                for key in keys where try await store.reserve(key) == .wait(1) { count += 1 }
                return count
            }
            _ = try await store.deleteThrottles(forgottenAt: Sample.start + 2 * 86400, after: nil, limit: 100)
            #expect(try await slowed() == 4)
            let end = Sample.start + 2 * 86400 + 1
            let first = try await store.deleteThrottles(forgottenAt: end, after: nil, limit: 2)
            #expect(first != nil)
            #expect((2...4).contains(try await slowed()), "two of the twelve counters are gone")
            #expect(try await store.deleteThrottles(forgottenAt: end, after: first, limit: 100) == nil)
            #expect(try await slowed() == 0)
        },
        // FAULTS D5
        Check("throttle: housekeeping walks over counters that are in use, and looks at each once") { store in
            let (old, young) = (Sample.start, Sample.start + 3 * 86400)
            for number in 0..<6 {
                let keys = try Sample.throttleKeys("owner \(number)", "192.0.\(number).7")
                let time = number.isMultiple(of: 2) ? old : young
                #expect(try await store.reserve(keys, at: time) == .granted)
                try await store.settle(keys, .failed(Event(.loginFailed, at: time)), at: time)
            }
            // Three counters each: for the identifier, for the network, and for both together.
            func walk() async throws -> Int {
                var (cursor, slices): ([UInt8]?, Int) = (nil, 0)
                repeat {
                    cursor = try await store.deleteThrottles(forgottenAt: young, after: cursor, limit: 5)
                    slices += 1
                } while cursor != nil && slices < 10
                return slices
            }
            #expect(try await walk() == 4, "five, five, five and three")
            #expect(try await walk() == 2, "the nine that are in use stay: five and four")
        },
    ]
}
