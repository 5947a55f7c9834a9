import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `GET /admin/recovery`
    func showRecovery(_ exchange: Exchange) async throws -> Response {
        let (incidents, count) = try await sessions.recoveryStatus()
        return .json(
            RecoveryStatus(
                incidents: incidents.map { IncidentDescription($0, at: clock.now) }, recovered: count?.recovered ?? 0,
                lost: count?.lost ?? 0, silent: count?.silent ?? 0))
    }

    /// `POST /admin/recovery`: opens the window of an incident.
    func openRecovery(_ exchange: Exchange) async throws -> Response {
        let body = try exchange.body(RecoveryRequest.self)
        let lostFrom = try body.lostFrom.map { try exchange.time($0) }
        let lostUntil = try body.lostUntil.map { try exchange.time($0) }
        if let lostUntil, lostUntil > clock.now {
            throw ProblemError.invalidRequest("The lost interval cannot end in the future.")
        }
        if let lostFrom, let lostUntil, lostFrom > lostUntil {
            throw ProblemError.invalidRequest("The lost interval ends before it begins.")
        }
        guard try await sessions.openRecovery(body.incident, lostFrom: lostFrom, lostUntil: lostUntil) else {
            throw ProblemError(
                .notFound, .notFound,
                """
                There is no such incident, or its lost interval would end before it begins. To let sessions go on before \
                any client has shown that writes are lost, give both ends of the interval.
                """)
        }
        return try await showRecovery(exchange)
    }

    /// `DELETE /admin/recovery?incident=N`: closes the window, or ends the wait.
    func closeRecovery(_ exchange: Exchange) async throws -> Response {
        let incident = try exchange.query("incident", is: "an incident's number") { Int($0) }
        guard try await sessions.closeRecovery(incident) else {
            throw ProblemError(.notFound, .notFound, "There is no such incident.")
        }
        return try await showRecovery(exchange)
    }

    /// `DELETE /admin/sessions?since=TIME&after=ID&limit=N`: the sessions that began since, a slice of them.
    func revokeSessions(_ exchange: Exchange) async throws -> Response {
        guard let since = exchange.request.uri.queryParameters.get("since") else {
            throw ProblemError.invalidRequest("Say since when.")
        }
        let cursor = try exchange.query("after", is: "a session's id") { SessionID($0) }
        let slice = try await sessions.revokeSlice(
            begunSince: exchange.time(since), after: cursor, limit: exchange.limit())
        return .json(EndedSlice(ended: slice.ended, next: slice.cursor?.description))
    }
}

extension Exchange {
    fileprivate func time(_ text: String) throws -> UnixTime {
        guard let time = UnixTime(rfc3339: text) else {
            throw ProblemError.invalidRequest("A time is written like 2026-11-25T14:30:00Z.")
        }
        return time
    }
}

extension IncidentDescription {
    fileprivate init(_ incident: Incident, at now: UnixTime) {
        let state =
            switch incident.state(at: now) {
            case .undecided: "undecided"
            case .open: "open"
            case .closed: "closed"
            }
        self.init(
            incident: incident.number, state: state, detectedAt: incident.detectedAt.rfc3339,
            lostFrom: incident.lost.lowerBound.rfc3339, lostUntil: incident.lost.upperBound.rfc3339,
            openedAt: incident.openedAt?.rfc3339, closesAt: incident.endsAt.rfc3339)
    }
}
