public import PawlCore

extension PostgresStore {
    public func user(identifier: Identifier) async throws(StoreError) -> User? {
        try await run { connection in
            try connection.execute(
                "SELECT \(UserRow.list) FROM users WHERE identifier = $1", [.text(identifier.text)]
            ).first.map { try UserRow.decode($0) }
        }
    }

    public func user(_ id: SubjectID) async throws(StoreError) -> User? {
        try await run { connection in try Self.fetchUser(id, on: connection) }
    }

    public func users(after identifier: Identifier?, limit: Int) async throws(StoreError) -> [User] {
        try await run { connection in
            try connection.execute(
                "SELECT \(UserRow.list) FROM users WHERE identifier > $1 ORDER BY identifier LIMIT $2",
                [.text(identifier?.text ?? ""), .integer(Int64(limit))]
            ).map { try UserRow.decode($0) }
        }
    }

    public func insert(_ user: User, _ event: Event) async throws(StoreError) -> Bool {
        try await transaction { connection in
            let inserted = try connection.insert(
                [UserRow.values(user)], into: UserRow.table, "ON CONFLICT (identifier) DO NOTHING")
            guard inserted == 1 else { return false }
            try Self.insert(event, on: connection)
            return true
        }
    }

    public func reseal(_ id: SubjectID, from old: SealedPassword, to new: SealedPassword) async throws(StoreError) {
        try await write(
            "UPDATE users SET password = $1 WHERE id = $2 AND password = $3",
            [.bytes(new.bytes), .id(id), .bytes(old.bytes)])
    }

    public func update(
        _ id: SubjectID, _ change: UserChange
    ) async throws(StoreError) -> (user: User, ended: [SessionID], events: [Event])? {
        try await transaction { connection in
            guard let user = try Self.fetchUser(id, lock: "FOR UPDATE", on: connection) else { return nil }
            guard let (changed, events) = change.applied(to: user) else { return (user, [], []) }
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
                ? try Self.end(.all(of: id), PlannedEnding(.revoked, at: change.at, origin: nil), on: connection).ended
                : []
            let left = try Self.fetchIDs(.all(of: id), on: connection)
            try Self.copyRoles(changed.roles, scope: changed.scope, to: left, on: connection)
            return (changed, ended, events)
        }
    }

    public func reserveLogin(_ keys: ThrottleKeys, at now: UnixTime) async throws(StoreError) -> Int64? {
        try await transaction { connection in
            let counters = try Self.lockedCounters(keys, on: connection)
            let reserved = LoginThrottle.reserve(
                network: counters[keys.network], identifier: counters[keys.identifier], at: now)
            guard reserved.wait == nil else { return reserved.wait }
            try Self.save(keys, reserved.network, reserved.identifier, on: connection)
            return nil
        }
    }

    public func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, at now: UnixTime
    ) async throws(StoreError) {
        try await transaction { connection in
            let counters = try Self.lockedCounters(keys, on: connection)
            let settled = LoginThrottle.settle(
                network: counters[keys.network], identifier: counters[keys.identifier], result, at: now)
            try Self.save(keys, settled.network, settled.identifier, on: connection)
            if case .failed(let event) = result { try Self.insert(event, on: connection) }
        }
    }

    public func deleteThrottles(
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

    /// - Parameter lock: `FOR UPDATE`, `FOR SHARE` or nothing.
    static func fetchUser(_ id: SubjectID, lock: String = "", on connection: Connection) throws -> User? {
        try connection.execute("SELECT \(UserRow.list) FROM users WHERE id = $1 \(lock)", [.id(id)])
            .first.map { try UserRow.decode($0) }
    }

    /// The counters, which nobody else changes until this transaction is over. Locked by their keys, since rows that are
    /// not there yet cannot be locked: a burst of first tries must not pass together.
    private static func lockedCounters(
        _ keys: ThrottleKeys, on connection: Connection
    ) throws -> [[UInt8]: ThrottleCounter] {
        let both = Set([keys.network, keys.identifier])
        let locks = both.map { Int64(truncatingIfNeeded: integer(bigEndian: $0.prefix(8))) }.sorted()
        try connection.execute(
            "SELECT pg_advisory_xact_lock(lock)::text FROM unnest($1::bigint[]) AS lock",
            [.values(locks.map { .integer($0) }, of: .integer)])
        let rows = try connection.execute(
            "SELECT key, failures, last_use, trusted_until FROM login_throttle WHERE key = ANY ($1)",
            [.values(both.map { .bytes($0) }, of: .bytes)])
        return Dictionary(
            rows.map { row in
                let counter = ThrottleCounter(
                    failures: row.integer(1) ?? 0, lastUse: row.time(2), trustedUntil: row.optionalTime(3))
                return (row.bytes(0), counter)
            }, uniquingKeysWith: { $1 })
    }

    private static func save(
        _ keys: ThrottleKeys, _ network: ThrottleCounter, _ identifier: ThrottleCounter, on connection: Connection
    ) throws {
        for (key, counter) in [(keys.network, network), (keys.identifier, identifier)] {
            try connection.execute(
                """
                INSERT INTO login_throttle (key, failures, last_use, trusted_until) VALUES ($1, $2, $3, $4)
                ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, last_use = excluded.last_use,
                    trusted_until = excluded.trusted_until
                """,
                [
                    .bytes(key), .integer(counter.failures), .time(counter.lastUse),
                    .integer(counter.trustedUntil?.seconds),
                ])
        }
    }
}
