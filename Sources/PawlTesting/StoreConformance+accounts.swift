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
            #expect(result.ended == [live.id])
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
            #expect(try await store.insert(twin, Event(.registered, at: Sample.start, subject: twin.id)) == false)
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
            #expect(result.user == expected && Set(result.ended) == Set(sessions.map(\.id)))
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
            try await store.reseal(user.id, from: user.password, to: fresh)
            try await store.reseal(user.id, from: user.password, to: late)
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
            #expect(result.ended.isEmpty)
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
            #expect(Set(disabled.ended) == Set(rows.map(\.id)))
            for row in rows { #expect(try await store.session(row.id) == row.ended(at: at, reason: .revoked)) }
            let enabled = try #require(try await store.update(user.id, UserChange(isDisabled: false, at: at)))
            #expect(!enabled.user.isDisabled && enabled.user.version == 3 && enabled.ended.isEmpty)
            #expect(try await store.liveSessions(of: user.id, at: at).isEmpty)
            let kinds = try await store.newEvents().map(\.kind)
            #expect(kinds == [.userDisabled, .sessionEnded, .sessionEnded, .userEnabled])
        },
        Check("users: a change that changes nothing leaves version and events alone") { store in
            let user = try Sample.user("owner")
            try await store.put(user)
            let change = UserChange(roles: user.roles, scope: user.scope, isDisabled: false, at: Sample.start)
            let result = try #require(try await store.update(user.id, change))
            #expect(result.user == user && result.ended.isEmpty)
            #expect(try await store.user(user.id) == user)
            #expect(try await store.newEvents().isEmpty)
            #expect(try await store.update(try Sample.user("nobody").id, change) == nil)
        },
    ]

    static let throttling: [Check] = [
        Check("throttle: failures slow their network down, success forgets them") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            for _ in 1...5 {
                #expect(try await store.reserveLogin(keys, at: Sample.start) == nil)
                try await store.settleLogin(keys, .failed(Event(.loginFailed, at: Sample.start)), at: Sample.start)
            }
            #expect(try await store.reserveLogin(keys, at: Sample.start) == 1)
            #expect(try await store.reserveLogin(keys, at: Sample.start + 1) == nil)
            #expect(try await store.reserveLogin(keys, at: Sample.start + 2) == 1)
            try await store.settleLogin(keys, .succeeded, at: Sample.start + 2)
            #expect(try await store.reserveLogin(keys, at: Sample.start + 2) == nil)
        },
        Check("throttle: what was abandoned is not counted") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            for _ in 1...20 {
                #expect(try await store.reserveLogin(keys, at: Sample.start) == nil)
                try await store.settleLogin(keys, .abandoned, at: Sample.start)
            }
        },
        Check("throttle: other networks and other identifiers go on") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            while try await store.reserveLogin(keys, at: Sample.start) == nil {}
            for (identifier, address) in [("owner", "198.51.100.1"), ("other", "192.0.2.7")] {
                let others = try Sample.throttleKeys(identifier, address)
                #expect(try await store.reserveLogin(others, at: Sample.start) == nil)
            }
        },
        Check("throttle: a failure's event is recorded with it") { store in
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let event = Event(
                .loginFailed, at: Sample.start, subject: try Sample.user("owner").id, origin: Sample.origin)
            #expect(try await store.reserveLogin(keys, at: Sample.start) == nil)
            try await store.settleLogin(keys, .failed(event), at: Sample.start)
            #expect(try await store.newEvents() == [event])
        },
        Check("throttle: the failures of an account in a minute are one event") { store in
            let (owner, other) = (try Sample.user("owner").id, try Sample.user("other").id)
            let keys = try Sample.throttleKeys("owner", "192.0.2.7")
            let minute = UnixTime(seconds: Sample.start.seconds / 60 * 60)
            func fail(_ subject: SubjectID?, at time: UnixTime) async throws {
                let event = Event(.loginFailed, at: time, subject: subject, origin: Sample.origin)
                try await store.settleLogin(keys, .failed(event), at: time)
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
        Check("throttle: housekeeping deletes in slices") { store in
            let keys = try (0..<4).map { try Sample.throttleKeys("owner \($0)", "192.0.2.7") }
            for key in keys {
                for _ in 1...5 { #expect(try await store.reserveLogin(key, at: Sample.start) == nil) }
            }
            // At the very second of the last try: only a counter that was deleted lets another one through.
            func slowed() async throws -> Int {
                var count = 0
                for key in keys where try await store.reserveLogin(key, at: Sample.start) != nil { count += 1 }
                return count
            }
            #expect(try await slowed() == 4)
            let first = try await store.deleteThrottles(forgottenAt: Sample.start + 86401, after: nil, limit: 2)
            #expect(first != nil)
            #expect((2...4).contains(try await slowed()), "two of the eight counters are gone")
            #expect(
                try await store.deleteThrottles(forgottenAt: Sample.start + 86401, after: first, limit: 100) == nil)
            #expect(try await slowed() == 0)
        },
        // FAULTS D5
        Check("throttle: housekeeping walks over counters that are in use, and looks at each once") { store in
            let (old, young) = (Sample.start, Sample.start + 86400)
            for number in 0..<6 {
                let keys = try Sample.throttleKeys("owner \(number)", "192.0.2.7")
                _ = try await store.reserveLogin(keys, at: number.isMultiple(of: 2) ? old : young)
            }
            // Two counters each: one for the identifier, and one for it together with the network.
            func walk() async throws -> Int {
                var (cursor, slices): ([UInt8]?, Int) = (nil, 0)
                repeat {
                    cursor = try await store.deleteThrottles(forgottenAt: old + 86401, after: cursor, limit: 5)
                    slices += 1
                } while cursor != nil && slices < 10
                return slices
            }
            #expect(try await walk() == 3, "five, five and two")
            #expect(try await walk() == 2, "the six that are in use stay: five and one")
        },
        Check("throttle: housekeeping forgets after a day, but not whom it trusts") { store in
            let (failing, trusted) = (
                try Sample.throttleKeys("owner", "192.0.2.7"),
                try Sample.throttleKeys("owner", "198.51.100.1")
            )
            #expect(try await store.reserveLogin(trusted, at: Sample.start) == nil)
            try await store.settleLogin(trusted, .succeeded, at: Sample.start)
            // Enough failures, from ever other networks, to slow the identifier down for everybody but the trusted.
            for number in 0..<60 {
                let keys = try Sample.throttleKeys("owner", "10.0.\(number).1")
                _ = try await store.reserveLogin(keys, at: Sample.start)
            }
            #expect(try await store.reserveLogin(failing, at: Sample.start) == 1)
            try await store.deleteThrottles(forgottenAt: Sample.start + 86400, after: nil, limit: 100)
            #expect(try await store.reserveLogin(failing, at: Sample.start) == 1, "a day is not over yet")
            try await store.deleteThrottles(forgottenAt: Sample.start + 86401, after: nil, limit: 100)
            #expect(try await store.reserveLogin(failing, at: Sample.start) == nil)
            #expect(try await store.reserveLogin(trusted, at: Sample.start) == nil)
        },
    ]
}
