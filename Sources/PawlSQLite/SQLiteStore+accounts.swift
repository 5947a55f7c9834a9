import Foundation
import GRDB
public import PawlCore

extension SQLiteStore {
    public func user(identifier: Identifier) async throws(StoreError) -> User? {
        try await read { db in
            try Row.fetchOne(
                db, sql: "SELECT \(UserRow.list) FROM users WHERE identifier = ?", arguments: [identifier.text]
            ).map { try UserRow.decode($0) }
        }
    }

    public func user(_ id: SubjectID) async throws(StoreError) -> User? {
        try await read { db in try Self.fetchUser(id, in: db) }
    }

    public func users(after identifier: Identifier?, limit: Int) async throws(StoreError) -> [User] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT \(UserRow.list) FROM users WHERE identifier > ? ORDER BY identifier LIMIT ?",
                arguments: [identifier?.text ?? "", limit]
            ).map { try UserRow.decode($0) }
        }
    }

    public func insert(_ user: User, _ event: Event) async throws(StoreError) -> Bool {
        try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO users (\(UserRow.list)) VALUES (\(Self.placeholders(UserRow.names)))
                    ON CONFLICT (identifier) DO NOTHING
                    """,
                arguments: StatementArguments(UserRow.values(user)))
            guard db.changesCount == 1 else { return false }
            try Self.insert(event, in: db)
            return true
        }
    }

    public func reseal(_ id: SubjectID, from old: SealedPassword, to new: SealedPassword) async throws(StoreError) {
        try await write { db in
            try db.execute(
                sql: "UPDATE users SET password = ? WHERE id = ? AND password = ?",
                arguments: [new.bytes.data, id.data, old.bytes.data])
        }
    }

    public func update(
        _ id: SubjectID, _ change: UserChange
    ) async throws(StoreError) -> (user: User, ended: [SessionID], events: [Event])? {
        try await write { db in
            guard let user = try Self.fetchUser(id, in: db) else { return nil }
            guard let (changed, events) = change.applied(to: user) else { return (user, [], []) }
            let roles = changed.roles.joined(separator: " ")
            let scope = changed.scope.joined(separator: " ")
            try db.execute(
                sql: "UPDATE users SET roles = ?, scope = ?, disabled = ?, password = ?, version = ? WHERE id = ?",
                arguments: [
                    roles, scope, changed.isDisabled, changed.password.bytes.data, changed.version, id.data,
                ])
            for event in events { try Self.insert(event, in: db) }
            let ended =
                change.endsSessions
                ? try Self.end(.all(of: id), PlannedEnding(.revoked, at: change.at, origin: nil), in: db).ended : []
            // Most of many have these already, and are not written again.
            try db.execute(
                sql: """
                    UPDATE sessions SET roles = ?1, scope = ?2
                    WHERE subject = ?3 AND ended_at IS NULL AND (roles <> ?1 OR scope <> ?2)
                    """, arguments: [roles, scope, id.data])
            return (changed, ended, events)
        }
    }

    public func reserveLogin(_ keys: ThrottleKeys, at now: UnixTime) async throws(StoreError) -> Int64? {
        try await write { db in
            let reserved = LoginThrottle.reserve(
                network: try Self.counter(keys.network, in: db), identifier: try Self.counter(keys.identifier, in: db),
                at: now)
            guard reserved.wait == nil else { return reserved.wait }
            try Self.save(keys, reserved.network, reserved.identifier, in: db)
            return nil
        }
    }

    public func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, at now: UnixTime
    ) async throws(StoreError) {
        try await write { db in
            let settled = LoginThrottle.settle(
                network: try Self.counter(keys.network, in: db), identifier: try Self.counter(keys.identifier, in: db),
                result, at: now)
            try Self.save(keys, settled.network, settled.identifier, in: db)
            if case .failed(let event) = result { try Self.insert(event, in: db) }
        }
    }

    public func deleteThrottles(
        forgottenAt now: UnixTime, after cursor: [UInt8]?, limit: Int
    ) async throws(StoreError) -> [UInt8]? {
        let start = cursor?.data ?? Data()
        let forgotten = "last_use < ? AND (trusted_until IS NULL OR trusted_until <= ?)"
        let times: StatementArguments = [(now - LoginThrottle.memory).seconds, now.seconds]
        // Looked at beside the writer, which is only asked if there is something to delete.
        let slice = try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT key, \(forgotten) FROM login_throttle WHERE key > ? ORDER BY key LIMIT ?",
                arguments: times + [start, limit]
            ).map { (key: $0.bytes(0), isForgotten: $0.integer(1) == 1) }
        }
        if slice.contains(where: \.isForgotten), let last = slice.last?.key {
            try await write { db in
                try db.execute(
                    sql: "DELETE FROM login_throttle WHERE key > ? AND key <= ? AND \(forgotten)",
                    arguments: [start, last.data] + times)
            }
        }
        return slice.count == limit ? slice.last?.key : nil
    }

    static func fetchUser(_ id: SubjectID, in db: Database) throws -> User? {
        try Row.fetchOne(db, sql: "SELECT \(UserRow.list) FROM users WHERE id = ?", arguments: [id.data])
            .map { try UserRow.decode($0) }
    }

    private static func counter(_ key: [UInt8], in db: Database) throws -> ThrottleCounter? {
        try Row.fetchOne(
            db, sql: "SELECT failures, last_use, trusted_until FROM login_throttle WHERE key = ?", arguments: [key.data]
        ).map { row in
            ThrottleCounter(
                failures: row.integer(0) ?? 0, lastUse: row.time(1),
                trustedUntil: row.optionalTime(2))
        }
    }

    private static func save(
        _ keys: ThrottleKeys, _ network: ThrottleCounter, _ identifier: ThrottleCounter, in db: Database
    ) throws {
        for (key, counter) in [(keys.network, network), (keys.identifier, identifier)] {
            try db.execute(
                sql: "INSERT OR REPLACE INTO login_throttle VALUES (?, ?, ?, ?)",
                arguments: [key.data, counter.failures, counter.lastUse.seconds, counter.trustedUntil?.seconds])
        }
    }
}
