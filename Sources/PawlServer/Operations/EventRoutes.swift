import Hummingbird
import PawlAPI
import PawlCore

/// `/admin/events`
struct EventRoutes: Sendable {
    let events: EventLog

    /// `GET /admin/events?after=NUMBER&limit=N`: the newest, or those after a number.
    func list(_ request: APIRequest) async throws -> Response {
        let after = try request.query("after", is: "an event's number") { Int64($0) }
        let events = try await self.events.list(after: after, limit: request.limit())
        return .json(EventList(events: events.map { EventDescription($0) }))
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
