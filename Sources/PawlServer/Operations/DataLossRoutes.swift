import Hummingbird
import PawlAPI
import PawlCore

/// `/admin/recovery`: what to do about writes that the database has lost.
struct DataLossRoutes: Sendable {
    let dataLoss: DataLoss
    let clock: WallClock

    /// `GET /admin/recovery`
    func show(_ request: APIRequest) async throws -> Response {
        let (incidents, count) = try await dataLoss.status()
        return .json(
            RecoveryStatus(
                incidents: incidents.map { IncidentDescription($0, at: clock.now) }, recovered: count?.recovered ?? 0,
                lost: count?.lost ?? 0, silent: count?.silent ?? 0))
    }

    /// `POST /admin/recovery`: opens the window of an incident.
    func open(_ request: APIRequest) async throws -> Response {
        let body = try request.body(RecoveryRequest.self)
        let lostFrom = try body.lostFrom.map { try request.time($0) }
        let lostUntil = try body.lostUntil.map { try request.time($0) }
        if let lostUntil, lostUntil > clock.now {
            throw ProblemError.invalidRequest("The lost interval cannot end in the future.")
        }
        if let lostFrom, let lostUntil, lostFrom > lostUntil {
            throw ProblemError.invalidRequest("The lost interval ends before it begins.")
        }
        guard try await dataLoss.open(body.incident, lostFrom: lostFrom, lostUntil: lostUntil) else {
            throw ProblemError(
                .notFound, .notFound,
                """
                There is no such incident, or its lost interval would end before it begins. To let sessions go on before \
                any client has shown that writes are lost, give both ends of the interval.
                """)
        }
        return try await show(request)
    }

    /// `DELETE /admin/recovery?incident=N`: closes the window, or ends the wait.
    func close(_ request: APIRequest) async throws -> Response {
        let incident = try request.query("incident", is: "an incident's number") { Int($0) }
        guard try await dataLoss.close(incident) else {
            throw ProblemError(.notFound, .notFound, "There is no such incident.")
        }
        return try await show(request)
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
