import PawlCore
import Testing

extension StoreConformance {
    static let keysAndEvents: [Check] = [
        Check("keys: are kept, listed, replaced and deleted") { store in
            #expect(try await store.signingKeys().isEmpty)
            let keys = (1...3).map { number in
                SealedSigningKey(
                    id: "key-\(number)", algorithm: number == 2 ? "EdDSA" : "ES256",
                    seal: Sample.bytes(UInt64(number), count: 61), createdAt: Sample.start,
                    activatesAt: Sample.start + Int64(number))
            }
            let made = Event(.keyCreated, at: Sample.start, details: ["key": "key-1"])
            let gone = Event(.keyRetired, at: Sample.start + 1, details: ["key": "key-1"])
            for (place, key) in keys.enumerated() {
                let known = Set(keys.prefix(place).map(\.id))
                #expect(try await store.addSigningKey(key, ifKeysAre: known, made))
                #expect(try await store.addSigningKey(key, ifKeysAre: known, made) == false, "another node was first")
            }
            #expect(try await store.signingKeys().sorted { $0.id < $1.id } == keys)
            let resealed = SealedSigningKey(
                id: "key-2", algorithm: "EdDSA", seal: Sample.bytes(9, count: 61), createdAt: Sample.start,
                activatesAt: Sample.start + 2)
            try await store.resealSigningKey(resealed)
            #expect(try await store.signingKeys().sorted { $0.id < $1.id } == [keys[0], resealed, keys[2]])
            for id in ["key-1", "key-3", "unknown", "key-1"] { try await store.deleteSigningKey(id, gone) }
            try await store.resealSigningKey(keys[0])  // a deleted key does not come back
            #expect(try await store.signingKeys() == [resealed])
            #expect(try await store.newEvents() == [made, made, made, gone, gone], "each with its change")
        },
        Check("events: come back as they were put in") { store in
            let (subject, session) = (
                try Sample.user("owner").id, try Sample.session(of: try Sample.user("owner"), 1).id
            )
            let events = [
                Event(.registered, at: Sample.start),
                Event(.loginFailed, at: Sample.start, subject: subject, origin: Sample.origin),
                Event(
                    .sessionReused, at: Sample.start + 1, subject: subject, session: session,
                    origin: Origin(address: "", userAgent: "\"'é"),
                    details: ["a": "1", "holder_user_agent": "\"quoted\" \\ 中"]),
            ]
            for event in events { try await store.append(event) }
            #expect(try await store.events(since: Sample.start, kinds: Set(Event.Kind.allCases), limit: 10) == events)
        },
        Check("events: conflicts, reported reuse and wrong deliveries of a session are one a minute") { store in
            let user = try Sample.user("owner")
            let sessions = [try Sample.session(of: user, 1).id, try Sample.session(of: user, 2).id]
            for kind in [Event.Kind.refreshConflict, .reuseReported, .wrongDelivery, .stepUpFailed] {
                for session in sessions {
                    for time in [0, 0, 60] {
                        try await store.append(
                            Event(
                                kind, at: Sample.start + Int64(time), subject: user.id, session: session,
                                origin: Sample.origin, details: ["holder_user_agent": "\"count\": é"]))
                    }
                }
            }
            let events = try await store.newEvents()
            #expect(events.count == 16)
            #expect(events.map { $0.details["count"] } == Array(repeating: ["2", nil], count: 8).flatMap(\.self))
            #expect(events.allSatisfy { $0.details["holder_user_agent"] == "\"count\": é" })
        },
        Check("events: are chosen by time and kind, the newest of them, oldest first") { store in
            let kinds: [Event.Kind] = [.sessionEnded, .sessionReused, .steppedUp]
            let events = (0..<30).map { Event(kinds[$0 % 3], at: Sample.start + Int64($0), details: ["n": "\($0)"]) }
            for event in events { try await store.append(event) }
            let found = try await store.events(since: Sample.start + 4, kinds: [.sessionEnded, .steppedUp], limit: 100)
            #expect(found == events.filter { $0.at >= Sample.start + 4 && $0.kind != .sessionReused })
            #expect(
                try await store.events(since: Sample.start, kinds: [.sessionReused], limit: 3).map(\.details["n"])
                    == ["22", "25", "28"])
            #expect(try await store.events(since: Sample.start + 30, kinds: Set(kinds), limit: 3).isEmpty)
            #expect(try await store.events(since: Sample.start, kinds: [], limit: 3).isEmpty)
        },
        Check("events: have rising numbers, and can be followed from one of them") { store in
            for number in 0..<10 { try await store.append(Event(.registered, at: Sample.start + Int64(number))) }
            let all = try await store.events(after: 0, limit: 100)
            #expect(all.map(\.event.at.seconds) == (0..<10).map { Sample.start.seconds + $0 })
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.id < $1.id })
            #expect(try await store.events(after: all[3].id, limit: 2) == Array(all[4...5]))
            #expect(try await store.latestEvents(limit: 3) == Array(all[7...]))
            try await store.deleteEvents(before: Sample.start + 100, limit: 100)
            try await store.append(Event(.registered, at: Sample.start))
            let next = try await store.events(after: all[9].id, limit: 100)
            #expect(next.count == 1, "a number is never used twice")
        },
        Check("events: the old ones are deleted in slices") { store in
            for number in 0..<10 { try await store.append(Event(.registered, at: Sample.start + Int64(number))) }
            func left() async throws -> [Int64] {
                try await store.events(since: UnixTime(seconds: 0), kinds: [.registered], limit: 100)
                    .map { $0.at.age(since: Sample.start) }
            }
            #expect(try await store.deleteEvents(before: Sample.start + 6, limit: 4), "there are more")
            #expect(try await left() == [4, 5, 6, 7, 8, 9])
            #expect(try await store.deleteEvents(before: Sample.start + 6, limit: 4) == false)
            #expect(try await left() == [6, 7, 8, 9])
            #expect(try await store.deleteEvents(before: Sample.start + 6, limit: 4) == false)
            #expect(try await left() == [6, 7, 8, 9])
        },
        Check("events: have numbers that rise and are never used twice") { store in
            let events = (0..<6).map { Event(.registered, at: Sample.start + Int64($0)) }
            for event in events[..<5] { try await store.append(event) }
            let all = try await store.events(after: 0, limit: 10)
            #expect(all.map(\.event) == Array(events[..<5]))
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.id < $1.id } && all[0].id > 0)
            #expect(try await store.events(after: all[1].id, limit: 2) == Array(all[2...3]))
            #expect(try await store.events(after: all[4].id, limit: 2).isEmpty)
            #expect(try await store.latestEvents(limit: 2) == Array(all[3...4]))
            #expect(try await store.latestEvents(limit: 10) == all)
            try await store.deleteEvents(before: Sample.start + 3, limit: 10)
            #expect(try await store.events(after: 0, limit: 10) == Array(all[3...4]), "the numbers stay")
            // A reader who follows the events by number must not miss one because all before it are gone.
            try await store.deleteEvents(before: Sample.start + 5, limit: 10)
            #expect(try await store.latestEvents(limit: 10).isEmpty)
            try await store.append(events[5])
            #expect(try await store.events(after: all[4].id, limit: 10).map(\.event) == [events[5]])
        },
        Check("ping: answers") { store in try await store.ping() },
        Check("statements: one of each kind works, and changes nothing") { store in
            try await store.tryStatements()
            let status = try await store.status()
            #expect(status.sessions == 0 && status.users == 0)
            #expect(try await store.newEvents().isEmpty)
        },
    ]
}
