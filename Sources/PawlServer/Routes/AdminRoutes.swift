import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `GET /admin/sessions/{id}`: ended ones too, while their row is kept.
    func showAnySession(_ exchange: Exchange) async throws -> Response {
        let session = try await sessions.session(exchange.sessionID())
        return .json(
            AdminSession(
                session: SessionDescription(session, current: nil), subject: session.subject.description,
                generation: Int64(session.generation), endedAt: session.ending?.at.rfc3339,
                endReason: session.ending?.reason.rawValue))
    }

    /// `DELETE /admin/sessions/{id}`
    func revokeSession(_ exchange: Exchange) async throws -> Response {
        try await sessions.revoke(exchange.sessionID())
        return Response(status: .noContent)
    }

    /// `GET /admin/keys`
    func listKeys(_ exchange: Exchange) async throws -> Response {
        let stored = try await sessions.keys.stored()
        return .json(
            KeyList(
                keys: stored.map { key, signs in
                    KeyDescription(
                        id: key.id, algorithm: key.algorithm, createdAt: key.createdAt.rfc3339,
                        activatesAt: key.activatesAt.rfc3339, signs: signs)
                }))
    }

    /// `POST /admin/keys`: makes the next key now.
    func rotateKeys(_ exchange: Exchange) async throws -> Response {
        try await sessions.rotateKeys()
        return try await listKeys(exchange)
    }

    /// `DELETE /admin/keys/{id}`: takes a leaked key out at once.
    func retireKey(_ exchange: Exchange) async throws -> Response {
        guard let id = exchange.pathParameter, try await sessions.retireKey(id) else {
            throw ProblemError(.notFound, .notFound, "There is no such key.")
        }
        return try await listKeys(exchange)
    }

    /// `GET /admin/events?after=NUMBER&limit=N`: the newest, or those after a number.
    func listEvents(_ exchange: Exchange) async throws -> Response {
        let after = try exchange.query("after", is: "an event's number") { Int64($0) }
        let events = try await sessions.events(after: after, limit: exchange.limit())
        return .json(EventList(events: events.map { EventDescription($0) }))
    }
}

extension Exchange {
    /// What the query says under `name`, if it is there; something else there is an error, not a default.
    func query<Value>(_ name: String, is rule: String, _ read: (String) -> Value?) throws -> Value? {
        guard let text = request.uri.queryParameters.get(name) else { return nil }
        guard let value = read(text) else { throw ProblemError.invalidRequest("\(name) takes \(rule).") }
        return value
    }

    /// How many rows to answer: 100 unless asked otherwise.
    func limit() throws -> Int {
        try query("limit", is: "a number from 1 to 1,000") { Int($0).flatMap { 1...1000 ~= $0 ? $0 : nil } } ?? 100
    }
}

extension EventDescription {
    fileprivate init(_ recorded: RecordedEvent) {
        let event = recorded.event
        self.init(
            id: recorded.id, at: event.at.rfc3339, kind: event.kind.rawValue, subject: event.subject?.description,
            session: event.session?.description, ip: event.origin?.address, userAgent: event.origin?.userAgent,
            details: event.details)
    }
}
