package import PawlCore

/// The columns of a session in the one order that all statements of all SQL stores use.
package enum SessionRow {
    package static let table = TableShape(
        name: "sessions",
        columns: [
            ("id", .id), ("subject", .id), ("client_id", .text), ("delivery", .text), ("created_at", .integer),
            ("absolute_expires_at", .integer), ("auth_time", .integer), ("amr", .text), ("scope", .text),
            ("roles", .text), ("device", .text), ("ip", .text), ("user_agent", .text), ("generation", .integer),
            ("hash", .bytes), ("seal", .bytes), ("attempt_1", .integer), ("attempt_2", .integer),
            ("attempt_3", .integer), ("attempt_4", .integer), ("rotated_at", .integer), ("idle_expires_at", .integer),
            ("step_up_failures", .integer), ("ended_at", .integer), ("end_reason", .text), ("turned_by", .text),
            ("recovered_at", .integer), ("current_attempt", .integer),
        ])
    package static let names = table.names
    package static let list = table.list

    package static func decode(_ row: some Columns) throws -> Session {
        guard let id = SessionID(bytes: row.bytes(0)), let subject = SubjectID(bytes: row.bytes(1)),
            let delivery = Delivery(rawValue: row.text(3)),
            let generation = row.integer(13).flatMap({ UInt32(exactly: $0) })
        else { throw StoreError("A row of sessions cannot be read.") }
        return Session(
            id: id, subject: subject, clientID: row.text(2), delivery: delivery, createdAt: row.time(4),
            absoluteExpiry: row.time(5), authTime: row.time(6), authMethods: row.words(7), scope: row.words(8),
            roles: row.words(9), device: row.text(10), origin: Origin(address: row.text(11), userAgent: row.text(12)),
            generation: generation, hash: row.bytes(14), seal: row.bytes(15), attempts: (16..<20).map(row.attempt),
            rotatedAt: row.time(20), idleExpiry: row.time(21), stepUpFailures: Int(row.integer(22) ?? 0),
            ending: row.optionalTime(23).map {
                Session.Ending(at: $0, reason: EndReason(rawValue: row.text(24)) ?? .revoked)
            }, turnedBy: TurnKind(rawValue: row.text(25)) ?? .refresh,
            recoveredAt: row.optionalTime(26), currentAttempt: row.attempt(27))
    }

    package static func values(_ session: Session) -> [ColumnValue] {
        let identity: [ColumnValue] = [
            .init(session.id), .init(session.subject), .text(session.clientID), .text(session.delivery.rawValue),
            .init(session.createdAt), .init(session.absoluteExpiry), .init(session.authTime),
            .init(session.authMethods), .init(session.scope), .init(session.roles), .text(session.device),
            .text(session.origin.address), .text(session.origin.userAgent),
        ]
        let turn: [ColumnValue] =
            [.integer(Int64(session.generation)), .bytes(session.hash), .bytes(session.seal)]
            + session.attempts.map { .integer($0.column) }
        return identity + turn + [
            .init(session.rotatedAt), .init(session.idleExpiry), .integer(Int64(session.stepUpFailures)),
            .init(session.ending?.at), .text(session.ending?.reason.rawValue), .text(session.turnedBy.rawValue),
            .init(session.recoveredAt), .integer(session.currentAttempt.column),
        ]
    }
}

extension SessionEnding {
    /// The events of ended sessions whose ids and subjects are the columns of `rows`, in the order of the ids.
    package func events(of rows: some Sequence<some Columns>) throws -> [Event] {
        try rows.map { row in
            guard let id = SessionID(bytes: row.bytes(0)), let subject = SubjectID(bytes: row.bytes(1)) else {
                throw StoreError("A row of sessions cannot be read.")
            }
            return (id: id, event: event(for: id, of: subject))
        }.sorted { $0.id < $1.id }.map(\.event)
    }
}
