package import PawlCore
import PawlSQL

extension PostgresStore {
    package func user(identifier: Identifier) async throws(StoreError) -> User? {
        try await run { connection in
            try connection.execute(
                """
                SELECT \(UserRow.list) FROM users WHERE identifier = $1 OR \(UserRow.key) = $2
                ORDER BY identifier = $1 DESC LIMIT 1
                """, [.text(identifier.spelling), .text(identifier.text)]
            ).first.map { try UserRow.decode($0) }
        }
    }

    package func user(_ id: SubjectID) async throws(StoreError) -> User? {
        try await run { connection in try Self.fetchUser(id, on: connection) }
    }

    package func users(after identifier: Identifier?, limit: Int) async throws(StoreError) -> [User] {
        try await run { connection in
            try connection.execute(
                "SELECT \(UserRow.list) FROM users WHERE identifier > $1 ORDER BY identifier LIMIT $2",
                [.text(identifier?.spelling ?? ""), .integer(Int64(limit))]
            ).map { try UserRow.decode($0) }
        }
    }

    package func addUser(_ user: User, _ event: Event) async throws(StoreError) -> Bool {
        try await transaction { connection in
            let inserted = try connection.insert(
                [UserRow.values(user)], into: UserRow.table, "ON CONFLICT DO NOTHING")
            guard inserted == 1 else { return false }
            try Self.insert(event, on: connection)
            return true
        }
    }

    package func resealPassword(of id: SubjectID, from old: SealedPassword, to new: SealedPassword)
        async throws(StoreError)
    {
        try await write(
            "UPDATE users SET password = $1 WHERE id = $2 AND password = $3",
            [.bytes(new.bytes), .id(id), .bytes(old.bytes)])
    }

    package func update(
        _ id: SubjectID, _ change: UserChange
    ) async throws(StoreError) -> (user: User, events: [Event])? {
        try await transaction { connection in
            guard let user = try Self.fetchUser(id, lock: "FOR UPDATE", on: connection) else { return nil }
            guard let (changed, events) = change.applied(to: user) else { return (user, []) }
            try connection.execute(
                """
                UPDATE users SET roles = $1, scope = $2, disabled = $3, password = $4, version = $5 WHERE id = $6
                """,
                [
                    .value(.init(changed.roles)), .value(.init(changed.scope)), .integer(changed.isDisabled ? 1 : 0),
                    .bytes(changed.password.bytes), .integer(changed.version), .id(id),
                ])
            for event in events { try Self.insert(event, on: connection) }
            let ended =
                change.endsSessions
                ? try Self.end(.all(of: id), SessionEnding(.revoked, at: change.at, origin: nil), on: connection).ended
                : []
            let left = try Self.fetchIDs(.all(of: id), on: connection)
            try Self.copyRoles(changed.roles, scope: changed.scope, to: left, on: connection)
            return (changed, events + ended)
        }
    }

    package func reserveLogin(
        _ keys: ThrottleKeys, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) -> LoginAdmission {
        try await transaction { connection in
            let (admission, changed) = try Self.change(keys, at: now, on: connection) {
                throttle.reserve(&$0, at: now)
            }
            if let save = Save(changed) { try connection.execute(save.sql, save.parameters) }
            return admission
        }
    }

    package func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) {
        try await transaction { connection in
            let events = if case .failed(let event) = result { [event] } else { [Event]() }
            try Self.settle(keys, result, under: throttle, at: now, and: events, on: connection)
        }
    }

    /// Settles a try, and inserts events in the same statement.
    static func settle(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime,
        and events: [Event], on connection: Connection
    ) throws {
        let (_, changed) = try change(keys, at: now, on: connection) { throttle.settle(&$0, result, at: now) }
        let save = Save(changed)
        if !events.isEmpty {
            try insert(events, with: save, on: connection)
        } else if let save {
            try connection.execute(save.sql, save.parameters)
        }
    }

    package func deleteThrottles(
        forgottenAt now: UnixTime, after cursor: [UInt8]?, limit: Int
    ) async throws(StoreError) -> [UInt8]? {
        let keys = try await run { connection in
            try connection.execute(
                "SELECT key FROM login_throttle WHERE key > $1 ORDER BY key LIMIT $2",
                [.bytes(cursor ?? []), .integer(Int64(limit))]
            ).map { $0.bytes(0) }
        }
        guard let last = keys.last else { return nil }
        // What somebody has locked is in use.
        try await write(
            """
            DELETE FROM login_throttle WHERE key IN (
                SELECT key FROM login_throttle
                WHERE key > $1 AND key <= $2 AND last_use < $3 AND (trusted_until IS NULL OR trusted_until <= $4)
                FOR UPDATE SKIP LOCKED)
            """, [.bytes(cursor ?? []), .bytes(last), .time(now - LoginThrottle.memory), .time(now)])
        return keys.count == limit ? last : nil
    }

    static func setPassword(of user: User, on connection: Connection) throws {
        try connection.execute(
            "UPDATE users SET password = $1, version = $2 WHERE id = $3",
            [.bytes(user.password.bytes), .integer(user.version), .id(user.id)])
    }

    /// - Parameter lock: `FOR UPDATE`, `FOR SHARE` or nothing.
    static func fetchUser(_ id: SubjectID, lock: String = "", on connection: Connection) throws -> User? {
        try connection.execute("SELECT \(UserRow.list) FROM users WHERE id = $1 \(lock)", [.id(id)])
            .first.map { try UserRow.decode($0) }
    }

    /// Lets a rule change the counters of one try.
    /// - Returns: what the rule says, and the counters that are to be saved.
    private static func change<Value>(
        _ keys: ThrottleKeys, at now: UnixTime, on connection: Connection, _ rule: (inout ThrottleCounters) -> Value
    ) throws -> (Value, changed: [[UInt8]: ThrottleCounter]) {
        let rows = try lockedCounters(keys, on: connection)
        var counters = keys.keys.mapValues { rows[$0] ?? ThrottleCounter(lastUse: now) }
        let before = counters
        let value = rule(&counters)
        let changed = keys.keys.compactMap { scope, key in
            counters[scope].flatMap { $0 == before[scope] ? nil : (key, $0) }
        }
        return (value, Dictionary(changed, uniquingKeysWith: { $1 }))
    }

    /// The counters, which nobody else changes until this transaction is over. Locked by their keys, since rows that are
    /// not there yet cannot be locked: a burst of first tries must not pass together.
    private static func lockedCounters(
        _ keys: ThrottleKeys, on connection: Connection
    ) throws -> [[UInt8]: ThrottleCounter] {
        let keys = keys.keys.values
        let locks = keys.map { Int64(truncatingIfNeeded: integer(bigEndian: $0.prefix(8))) }.sorted()
        try connection.execute(
            "SELECT pg_advisory_xact_lock(lock)::text FROM unnest($1::bigint[]) AS lock",
            [.values(locks.map { .integer($0) }, of: .integer)])
        let rows = try connection.execute(
            "SELECT key, failures, last_use, under_way, under_way_since FROM login_throttle WHERE key = ANY ($1)",
            [.values(keys.map { .bytes($0) }, of: .bytes)])
        return Dictionary(
            rows.map { row in
                let counter = ThrottleCounter(
                    failures: row.integer(1) ?? 0, lastUse: row.time(2), underWay: row.integer(3) ?? 0,
                    underWaySince: row.time(4))
                return (row.bytes(0), counter)
            }, uniquingKeysWith: { $1 })
    }

    /// Saves counters in one statement, which can also be a part of another one.
    struct Save {
        let sql = """
            INSERT INTO login_throttle (key, failures, last_use, under_way, under_way_since)
            SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
            ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, last_use = excluded.last_use,
                under_way = excluded.under_way, under_way_since = excluded.under_way_since
            """
        let parameters: [Parameter]

        /// - Returns: nil if there is nothing to save.
        init?(_ counters: [[UInt8]: ThrottleCounter]) {
            guard !counters.isEmpty else { return nil }
            let values = counters.values
            func integers(_ value: (ThrottleCounter) -> Int64) -> Parameter {
                .values(values.map { .integer(value($0)) }, of: .integer)
            }
            parameters = [
                .values(counters.keys.map { .bytes($0) }, of: .bytes), integers(\.failures),
                integers(\.lastUse.seconds),
                integers(\.underWay), integers(\.underWaySince.seconds),
            ]
        }
    }
}
