public import PawlCore

extension PostgresStore {
    public func insert(
        _ session: Session, ifUserVersionIs userVersion: Int64, _ event: Event
    ) async throws(StoreError) -> Bool {
        try await transaction { connection in
            // Shared with other sign-ins of this user, while whatever changes the user waits.
            guard let user = try Self.fetchUser(session.subject, lock: "FOR SHARE", on: connection), !user.isDisabled,
                user.version == userVersion
            else { return false }
            try connection.insert([SessionRow.values(session)], into: SessionRow.table)
            try Self.insert(event, on: connection)
            return true
        }
    }

    public func session(_ id: SessionID) async throws(StoreError) -> Session? {
        try time.check()
        return try await run { connection in try Self.fetch(id, locked: false, on: connection) }
    }

    public func liveSessions(of subject: SubjectID, at now: UnixTime) async throws(StoreError) -> [Session] {
        try time.check()
        return try await run { connection in
            try Self.fetch(.all(of: subject), locked: false, on: connection).filter { $0.isLive(at: now) }.reversed()
        }
    }

    public func end(_ selection: SessionSelection, _ ending: PlannedEnding) async throws(StoreError) -> [SessionID] {
        try await transaction { connection in try Self.end(selection, ending, on: connection) }
    }

    public func endSlice(
        begunSince start: UnixTime, after cursor: SessionID?, limit: Int, _ ending: PlannedEnding
    ) async throws(StoreError) -> (ended: [SessionID], cursor: SessionID?) {
        try await transaction { connection in
            let slice = try Self.fetchSlice(after: cursor, limit: limit, on: connection)
            // Read without a lock: those to end are read again under one.
            let young = try Self.fetch(slice.filter { $0.createdAt >= start }.map(\.id), on: connection)
            return (try Self.end(young, ending, on: connection), slice.last?.id)
        }
    }

    public func rename(
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

    public func spendStepUpTry(_ id: SessionID, limit: Int) async throws(StoreError) -> Bool {
        try await write(
            "UPDATE sessions SET step_up_failures = step_up_failures + 1 WHERE id = $1 AND step_up_failures < $2",
            [.id(id), .integer(Int64(limit))]) == 1
    }

    public func refundStepUpTry(_ id: SessionID) async throws(StoreError) {
        try await write(
            "UPDATE sessions SET step_up_failures = step_up_failures - 1 WHERE id = $1 AND step_up_failures > 0",
            [.id(id)])
    }

    public func deleteSessions(
        endedBefore cutoff: UnixTime, after cursor: SessionID?, limit: Int, at now: UnixTime
    ) async throws(StoreError) -> (live: Int, cursor: SessionID?) {
        let slice = try await run { connection in
            try Self.fetchSlice(after: cursor, limit: limit, on: connection)
        }
        let over = slice.filter { $0.isOver(before: cutoff) }.map(\.id)
        if !over.isEmpty {
            // Nothing revives a session that is over, so what was read still holds. What somebody else has locked is left
            // to the next round.
            try await write(
                """
                DELETE FROM sessions WHERE id IN (
                    SELECT id FROM sessions WHERE id = ANY ($1) FOR UPDATE SKIP LOCKED)
                """, [.ids(over)])
        }
        return (slice.count { $0.isLive(at: now) }, slice.last?.id)
    }

    static func fetch(_ id: SessionID, locked: Bool, on connection: Connection) throws -> Session? {
        try fetch(.one(id), locked: locked, on: connection).first
    }

    /// In the order of their ids, which is the order in which whatever locks many locks them.
    static func fetch(
        _ selection: SessionSelection, locked: Bool, on connection: Connection
    ) throws -> [Session] {
        let (condition, parameters): (String, [Parameter]) =
            switch selection {
            case .one(let id): ("id = $1", [.id(id)])
            case .all(let subject): ("subject = $1", [.id(subject)])
            case .others(let subject, let kept): ("subject = $1 AND id <> $2", [.id(subject), .id(kept)])
            }
        return try connection.execute(
            """
            SELECT \(SessionRow.list) FROM sessions WHERE \(condition) ORDER BY id \(locked ? "FOR UPDATE" : "")
            """, parameters
        ).map { try SessionRow.decode($0) }
    }

    private static func fetch(_ ids: [SessionID], on connection: Connection) throws -> [Session] {
        try connection.execute(
            "SELECT \(SessionRow.list) FROM sessions WHERE id = ANY ($1) ORDER BY id FOR UPDATE", [.ids(ids)]
        ).map { try SessionRow.decode($0) }
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

    @discardableResult
    static func end(
        _ selection: SessionSelection, _ ending: PlannedEnding, on connection: Connection
    ) throws -> [SessionID] {
        try end(fetch(selection, locked: true, on: connection), ending, on: connection)
    }

    /// Ends those of them that can be. They must be locked.
    @discardableResult
    static func end(
        _ selected: [Session], _ ending: PlannedEnding, on connection: Connection
    ) throws -> [SessionID] {
        let left = selected.filter { $0.canEnd(at: ending.at) }
        guard !left.isEmpty else { return [] }
        let ended = left.map { SessionRow.values($0.ended(at: ending.at, reason: ending.reason)) }
        try connection.insert(ended, into: SessionRow.table, SessionRow.table.replacing)
        try insert(left.map { ending.event(for: $0.id, of: $0.subject) }, on: connection)
        return left.map(\.id)
    }
}

extension TableShape {
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
        let arrays = table.columns.enumerated().map { "$\($0 + 1)::\($1.kind.typeName)[]" }.joined(separator: ", ")
        return try execute(
            "INSERT INTO \(table.name) (\(table.list)) SELECT * FROM unnest(\(arrays)) \(conflict)",
            table.columns.indices.map { place in .values(rows.map { $0[place] }, of: table.columns[place].kind) }
        ).affected
    }
}
