import Foundation
import GRDB
package import PawlCore
import PawlSQL

extension SQLiteStore {
    package func user(identifier: Identifier) async throws(StoreError) -> User? {
        try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT \(UserRow.list) FROM users WHERE identifier = ?1 OR \(UserRow.key) = ?2
                    ORDER BY identifier = ?1 DESC LIMIT 1
                    """, arguments: [identifier.spelling, identifier.text]
            ).map { try UserRow.decode($0) }
        }
    }

    package func user(_ id: SubjectID) async throws(StoreError) -> User? {
        try await read { db in try Self.fetchUser(id, in: db) }
    }

    package func users(after identifier: Identifier?, limit: Int) async throws(StoreError) -> [User] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT \(UserRow.list) FROM users WHERE identifier > ? ORDER BY identifier LIMIT ?",
                arguments: [identifier?.spelling ?? "", limit]
            ).map { try UserRow.decode($0) }
        }
    }

    package func addUser(_ user: User, _ event: Event) async throws(StoreError) -> Bool {
        try await write { db in
            try db.execute(
                sql: """
                    INSERT INTO users (\(UserRow.list)) VALUES (\(Self.placeholders(UserRow.names)))
                    ON CONFLICT DO NOTHING
                    """,
                arguments: StatementArguments(UserRow.values(user)))
            guard db.changesCount == 1 else { return false }
            try Self.insert(event, in: db)
            return true
        }
    }

    package func resealPassword(of id: SubjectID, from old: SealedPassword, to new: SealedPassword)
        async throws(StoreError)
    {
        try await write { db in
            try db.execute(
                sql: "UPDATE users SET password = ? WHERE id = ? AND password = ?",
                arguments: [new.bytes.data, id.data, old.bytes.data])
        }
    }

    package func update(
        _ id: SubjectID, _ change: UserChange
    ) async throws(StoreError) -> (user: User, events: [Event])? {
        try await write { db in
            guard let user = try Self.fetchUser(id, in: db) else { return nil }
            guard let (changed, events) = change.applied(to: user) else { return (user, []) }
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
                ? try Self.end(.all(of: id), SessionEnding(.revoked, at: change.at, origin: nil), in: db).ended : []
            // Most of many have these already, and are not written again.
            try db.execute(
                sql: """
                    UPDATE sessions SET roles = ?1, scope = ?2
                    WHERE subject = ?3 AND ended_at IS NULL AND (roles <> ?1 OR scope <> ?2)
                    """, arguments: [roles, scope, id.data])
            return (changed, events + ended)
        }
    }

    package func reserveLogin(
        _ keys: ThrottleKeys, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) -> LoginAdmission {
        try await write { db in
            try Self.change(keys, at: now, in: db) { throttle.reserve(&$0, at: now) }
        }
    }

    package func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) {
        try await write { db in
            try Self.change(keys, at: now, in: db) { throttle.settle(&$0, result, at: now) }
            if case .failed(let event) = result { try Self.insert(event, in: db) }
        }
    }

    package func deleteThrottles(
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

    static func setPassword(of user: User, in db: Database) throws {
        try db.execute(
            sql: "UPDATE users SET password = ?, version = ? WHERE id = ?",
            arguments: [user.password.bytes.data, user.version, user.id.data])
    }

    static func fetchUser(_ id: SubjectID, in db: Database) throws -> User? {
        try Row.fetchOne(db, sql: "SELECT \(UserRow.list) FROM users WHERE id = ?", arguments: [id.data])
            .map { try UserRow.decode($0) }
    }

    static func release(_ reservation: LoginReservation, at now: UnixTime, in db: Database) throws {
        try change(reservation.keys, at: now, in: db) { reservation.throttle.settle(&$0, .released, at: now) }
    }

    /// Lets a rule change the counters of one try.
    private static func change<Value>(
        _ keys: ThrottleKeys, at now: UnixTime, in db: Database, _ rule: (inout ThrottleCounters) -> Value
    ) throws -> Value {
        var counters = try keys.keys.mapValues { try counter($0, in: db) ?? ThrottleCounter(lastUse: now) }
        let before = counters
        let value = rule(&counters)
        for (scope, key) in keys.keys {
            if let counter = counters[scope], counter != before[scope] { try save(counter, under: key, in: db) }
        }
        return value
    }

    private static func counter(_ key: [UInt8], in db: Database) throws -> ThrottleCounter? {
        try Row.fetchOne(
            db, sql: "SELECT failures, last_use, under_way, under_way_since FROM login_throttle WHERE key = ?",
            arguments: [key.data]
        ).map { row in
            ThrottleCounter(
                failures: row.integer(0) ?? 0, lastUse: row.time(1), underWay: row.integer(2) ?? 0,
                underWaySince: row.time(3))
        }
    }

    private static func save(_ counter: ThrottleCounter, under key: [UInt8], in db: Database) throws {
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO login_throttle (key, failures, last_use, under_way, under_way_since)
                VALUES (?, ?, ?, ?, ?)
                """,
            arguments: [
                key.data, counter.failures, counter.lastUse.seconds, counter.underWay, counter.underWaySince.seconds,
            ])
    }
}
