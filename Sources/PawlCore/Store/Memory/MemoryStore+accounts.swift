import Synchronization

extension MemoryStore {
    package func user(identifier: Identifier) -> User? {
        tables.withLock { tables in
            tables.users.values.first { $0.identifier.spelling == identifier.spelling }
                ?? tables.users.values.first { $0.identifier.text == identifier.text }
        }
    }

    package func user(_ id: SubjectID) -> User? { tables.withLock { $0.users[id] } }

    package func users(after identifier: Identifier?, limit: Int) -> [User] {
        tables.withLock { tables in
            let all = tables.users.values.sorted { Identifier.areInOrder($0.identifier, $1.identifier) }
            return Array(
                all.filter { user in identifier.map { Identifier.areInOrder($0, user.identifier) } ?? true }
                    .prefix(limit))
        }
    }

    package func addUser(_ user: User, _ event: Event) -> Bool {
        tables.withLock { tables in
            let new = user.identifier
            guard
                !tables.users.values.contains(where: {
                    $0.identifier.spelling == new.spelling || $0.identifier.text == new.text
                })
            else { return false }
            tables.users[user.id] = user
            tables.record(event)
            return true
        }
    }

    package func resealPassword(of id: SubjectID, from old: SealedPassword, to new: SealedPassword) {
        tables.withLock { tables in
            if tables.users[id]?.password == old { tables.users[id]?.password = new }
        }
    }

    package func update(_ id: SubjectID, _ change: UserChange) -> (user: User, events: [Event])? {
        tables.withLock { tables in
            guard let user = tables.users[id] else { return nil }
            guard let (changed, events) = change.applied(to: user) else { return (user, []) }
            tables.users[id] = changed
            for event in events { tables.record(event) }
            let ended =
                change.endsSessions
                ? tables.end(.all(of: id), SessionEnding(.revoked, at: change.at, origin: nil)).ended : []
            for session in tables.sessions.values where session.subject == id && session.ending == nil {
                tables.sessions[session.id]?.roles = changed.roles
                tables.sessions[session.id]?.scope = changed.scope
            }
            return (changed, events + ended)
        }
    }

    package func reserveLogin(_ keys: ThrottleKeys, under throttle: LoginThrottle, at now: UnixTime) -> LoginAdmission {
        tables.withLock { tables in
            tables.throttle(keys, at: now) { throttle.reserve(&$0, at: now) }
        }
    }

    package func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime
    ) {
        tables.withLock { tables in
            tables.throttle(keys, at: now) { throttle.settle(&$0, result, at: now) }
            if case .failed(let event) = result { tables.record(event) }
        }
    }

    package func deleteThrottles(forgottenAt now: UnixTime, after cursor: [UInt8]?, limit: Int) -> [UInt8]? {
        tables.withLock { tables in
            let keys = tables.throttle.keys.filter { key in cursor?.lexicographicallyPrecedes(key) ?? true }
            let slice = keys.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit)
            for key in slice {
                if let counter = tables.throttle[key], LoginThrottle.isForgotten(counter, at: now) {
                    tables.throttle[key] = nil
                }
            }
            return slice.count == limit ? slice.last : nil
        }
    }
}
