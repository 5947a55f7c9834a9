package import PawlCore
import PawlSQL

extension PostgresStore {
    /// Turns of other rows wait for no lock, but for the same log and processors.
    package var sliceSize: Int { 8 }

    package func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, limit: Int, releasing reservation: LoginReservation?,
        _ event: Event
    ) async throws(StoreError) -> SessionStartResult {
        let sliceSize = sliceSize
        return try await transaction { connection in
            // Other sign-ins of this user wait, since they count the same sessions, and so does what changes the user.
            guard let user = try Self.fetchUser(session.subject, lock: "FOR UPDATE", on: connection), !user.isDisabled,
                user.version == userVersion
            else { return .userChanged }
            let displaced = try Self.fetchLeastRecentlyUsed(
                of: user.id, beyond: limit - 1, sparing: nil, limit: sliceSize + 1, at: session.createdAt,
                on: connection)
            guard displaced.count <= sliceSize else { return .crowded }
            let ended = try Self.end(.these(displaced), SessionEnding(displacedBy: session), on: connection).ended
            try connection.insert([SessionRow.values(session)], into: SessionRow.table)
            if let reservation {
                try Self.settle(
                    reservation.keys, .released, under: reservation.throttle, at: session.createdAt, and: [event],
                    on: connection)
            } else {
                try Self.insert([event], on: connection)
            }
            return .started(displaced: ended)
        }
    }

    package func session(_ id: SessionID) async throws(StoreError) -> Session? {
        try time.check()
        return try await run { connection in try Self.fetch(id, locked: false, on: connection) }
    }

    package func liveSessions(
        of subject: SubjectID, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [Session] {
        try time.check()
        return try await run { connection in
            try Self.fetchLive(of: subject, after: cursor, limit: limit, at: now, on: connection)
        }
    }

    static func fetchLive(
        of subject: SubjectID, after cursor: SessionID?, limit: Int, at now: UnixTime, on connection: Connection
    ) throws -> [Session] {
        try connection.execute(
            """
            SELECT \(SessionRow.list) FROM sessions WHERE subject = $1 AND ended_at IS NULL
                AND idle_expires_at > $2 AND absolute_expires_at > $2 AND ($3 IS NULL OR id < $3)
            ORDER BY id DESC LIMIT $4
            """, [.id(subject), .time(now), .value(.init(cursor)), .integer(Int64(limit))]
        ).map { try SessionRow.decode($0) }
    }

    package func leastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> [SessionID] {
        try await run { connection in
            try Self.fetchLeastRecentlyUsed(
                of: subject, beyond: kept, sparing: spared, limit: limit, at: now, on: connection)
        }
    }

    package func end(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int, _ ending: SessionEnding
    ) async throws(StoreError) -> (ended: [Event], cursor: SessionID?) {
        try await transaction { connection in
            try Self.end(selection, after: cursor, limit: limit, ending, on: connection)
        }
    }

    package func copyRoles(
        _ roles: [String], scope: [String], toSessionsOf subject: SubjectID, after cursor: SessionID?, limit: Int
    ) async throws(StoreError) -> SessionID? {
        try await transaction { connection in
            let slice = try Self.fetchIDs(.all(of: subject), after: cursor, limit: limit, on: connection)
            try Self.copyRoles(roles, scope: scope, to: slice, on: connection)
            return slice.count == limit ? slice.last : nil
        }
    }

    package func rename(
        _ id: SessionID, of subject: SubjectID, to device: String, at now: UnixTime
    ) async throws(StoreError) -> Bool {
        try await transaction { connection in
            guard let session = try Self.fetch(id, locked: true, on: connection), session.subject == subject,
                session.isLive(at: now)
            else { return false }
            try connection.execute("UPDATE sessions SET device = $1 WHERE id = $2", [.text(device), .id(id)])
            return true
        }
    }

    package func spendStepUpTry(_ id: SessionID, limit: Int) async throws(StoreError) -> Bool {
        try await write(
            "UPDATE sessions SET step_up_failures = step_up_failures + 1 WHERE id = $1 AND step_up_failures < $2",
            [.id(id), .integer(Int64(limit))]) == 1
    }

    package func refundStepUpTry(_ id: SessionID) async throws(StoreError) {
        try await write(
            "UPDATE sessions SET step_up_failures = step_up_failures - 1 WHERE id = $1 AND step_up_failures > 0",
            [.id(id)])
    }

    package func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> (live: Int, cursor: SessionID?) {
        let slice = try await run { connection in
            try Self.fetchSlice(after: cursor, limit: limit, on: connection)
        }
        let over = slice.filter { $0.isOver(before: cutoff) }.map(\.id)
        if !over.isEmpty {
            // What was read is looked at once more: a recovery may have moved a session on since.
            try await write(Self.deleteStatement, [.ids(over), .time(cutoff)])
        }
        return (slice.count { $0.isLive(at: now) }, slice.last?.id)
    }

    /// It says again what ``Session/isOver(before:)`` says.
    static let deleteStatement = """
        DELETE FROM sessions WHERE id = ANY ($1)
            AND (ended_at < $2 OR idle_expires_at < $2 OR absolute_expires_at < $2)
        """

    /// A lock on a session is only ever taken by its id: a distributed database can lock a row of one part, and no
    /// more. Whatever changes many sessions does it in one statement.
    static func fetch(_ id: SessionID, locked: Bool, on connection: Connection) throws -> Session? {
        try connection.execute(
            "SELECT \(SessionRow.list) FROM sessions WHERE id = $1\(locked ? " FOR UPDATE" : "")", [.id(id)]
        ).first.map { try SessionRow.decode($0) }
    }

    static func fetchLeastRecentlyUsed(
        of subject: SubjectID, beyond kept: Int, sparing spared: SessionID?, limit: Int, at now: UnixTime,
        on connection: Connection
    ) throws -> [SessionID] {
        let condition = """
            subject = $1 AND ended_at IS NULL AND absolute_expires_at > $2 AND ($3 IS NULL OR id <> $3)
            """
        let parameters: [Parameter] = [.id(subject), .time(now), .value(.init(spared))]
        let count = try connection.execute("SELECT count(*) FROM sessions WHERE \(condition)", parameters)
        let excess = Int(count.first?.integer(0) ?? 0) - kept
        guard excess > 0 else { return [] }
        return try fetchIDs(
            "\(condition) ORDER BY rotated_at, id LIMIT $4", parameters + [.integer(Int64(min(excess, limit)))],
            on: connection)
    }

    /// The selected sessions in the order of their ids, unlocked. Of a user they are those that have not ended, which an
    /// index finds.
    static func fetchIDs(
        _ selection: SessionSelection, after cursor: SessionID? = nil, limit: Int = .max, on connection: Connection
    ) throws -> [SessionID] {
        let from: [Parameter] = [.value(.init(cursor)), .integer(Int64(limit))]
        let slice = "($1 IS NULL OR id > $1)"
        switch selection {
        case .one, .these:
            return selection.ids(after: cursor, limit: limit) ?? []
        case .all(let subject):
            return try fetchIDs(
                "\(slice) AND subject = $3 AND ended_at IS NULL ORDER BY id LIMIT $2", from + [.id(subject)],
                on: connection)
        case .others(let subject, let kept):
            return try fetchIDs(
                "\(slice) AND subject = $3 AND ended_at IS NULL AND id <> $4 ORDER BY id LIMIT $2",
                from + [.id(subject), .id(kept)], on: connection)
        case .begun:
            return try fetchIDs("\(slice) ORDER BY id LIMIT $2", from, on: connection)
        }
    }

    private static func fetchIDs(
        _ condition: String, _ parameters: [Parameter], on connection: Connection
    ) throws -> [SessionID] {
        try connection.execute("SELECT id FROM sessions WHERE \(condition)", parameters).map { row in
            guard let id = SessionID(bytes: row.bytes(0)) else { throw StoreError("A row of sessions cannot be read.") }
            return id
        }
    }

    static func copyRoles(
        _ roles: [String], scope: [String], to ids: [SessionID], on connection: Connection
    ) throws {
        guard !ids.isEmpty else { return }
        // Most of many have these already, and are not written again.
        try connection.execute(
            """
            UPDATE sessions SET roles = $2, scope = $3
            WHERE id = ANY ($1) AND ended_at IS NULL AND (roles <> $2 OR scope <> $3)
            """, [.ids(ids), .value(.init(roles)), .value(.init(scope))])
    }

    static func fetchSlice(
        after cursor: SessionID?, limit: Int, on connection: Connection
    ) throws -> [Session] {
        let columns = SessionRow.list
        let rows =
            if let cursor {
                try connection.execute(
                    "SELECT \(columns) FROM sessions WHERE id > $1 ORDER BY id LIMIT $2",
                    [.id(cursor), .integer(Int64(limit))])
            } else {
                try connection.execute(
                    "SELECT \(columns) FROM sessions ORDER BY id LIMIT $1", [.integer(Int64(limit))])
            }
        return try rows.map { try SessionRow.decode($0) }
    }

    /// Writes a session that is there.
    static func replace(_ session: Session, on connection: Connection) throws {
        let changing = SessionRow.names.dropFirst().enumerated().map { "\($1) = $\($0 + 2)" }.joined(separator: ", ")
        try connection.execute(
            "UPDATE sessions SET \(changing) WHERE id = $1", SessionRow.values(session).map { .value($0) })
    }

    /// One statement for all rows, and one for their events. The first says again what ``Session/canEnd(at:)`` and
    /// ``Session/ended(at:reason:)`` say.
    static func end(
        _ selection: SessionSelection, after cursor: SessionID? = nil, limit: Int = .max, _ ending: SessionEnding,
        on connection: Connection
    ) throws -> (ended: [Event], cursor: SessionID?) {
        let slice = try fetchIDs(selection, after: cursor, limit: limit, on: connection)
        guard !slice.isEmpty else { return ([], nil) }
        let rows = try connection.execute(
            endStatement,
            [.ids(slice), .time(ending.at), .text(ending.reason.rawValue), .time(selection.start)])
        let ended = try ending.events(of: rows)
        if !ended.isEmpty { try insert(ended, on: connection) }
        return (ended, slice.count == limit ? slice.last : nil)
    }

    static let endStatement = """
        UPDATE sessions SET hash = '', seal = '', attempt_1 = NULL, attempt_2 = NULL, attempt_3 = NULL, attempt_4 = NULL,
            current_attempt = NULL, ended_at = $2, end_reason = $3
        WHERE id = ANY ($1) AND ended_at IS NULL AND absolute_expires_at > $2 AND created_at >= $4
        RETURNING id, subject
        """
}

extension TableShape {
    /// Parameters that each hold one column of several rows: `$1::bytea[], $2::bigint[]` and so on.
    func arrays(from first: Int = 1) -> String {
        columns.enumerated().map { "$\($0 + first)::\($1.kind.typeName)[]" }.joined(separator: ", ")
    }

    /// For rows whose key is there: the others of their columns are written over.
    var replacing: String {
        "ON CONFLICT (\(key)) DO UPDATE SET "
            + names.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    }
}

extension Connection {
    /// Inserts rows in one statement.
    /// - Parameter conflict: what to do with those that are there: `ON CONFLICT …`.
    /// - Returns: how many were.
    @discardableResult
    func insert(_ rows: [[ColumnValue]], into table: TableShape, _ conflict: String = "") throws -> Int {
        return try execute(
            "INSERT INTO \(table.name) (\(table.list)) SELECT * FROM unnest(\(table.arrays())) \(conflict)",
            table.columns.indices.map { place in .values(rows.map { $0[place] }, of: table.columns[place].kind) }
        ).affected
    }
}
