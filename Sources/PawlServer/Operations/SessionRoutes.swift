import Hummingbird
import PawlAPI
import PawlCore

/// `/admin/sessions`
struct SessionRoutes: Sendable {
    let sessions: Sessions

    /// `GET /admin/sessions/{id}`: ended ones too, while their row is kept.
    func show(_ request: APIRequest) async throws -> Response {
        let session = try await sessions.session(request.sessionID())
        return .json(
            AdminSession(
                session: SessionDescription(session, current: nil), subject: session.subject.description,
                generation: Int64(session.chain.generation), endedAt: session.ending?.at.rfc3339,
                endReason: session.ending?.reason.rawValue))
    }

    /// `DELETE /admin/sessions/{id}`
    func revoke(_ request: APIRequest) async throws -> Response {
        try await sessions.revoke(request.sessionID())
        return Response(status: .noContent)
    }

    /// `DELETE /admin/sessions?since=TIME&after=ID&limit=N`: the sessions that began since, a slice of them.
    func revokeSlice(_ request: APIRequest) async throws -> Response {
        guard let since = request.request.uri.queryParameters.get("since") else {
            throw ProblemError.invalidRequest(
                "The query parameter since is required, for example 2026-11-25T14:30:00Z.")
        }
        let cursor = try request.query("after", is: "a session's id") { SessionID($0) }
        let slice = try await sessions.revokeSlice(
            begunSince: request.time(since), after: cursor, limit: request.limit())
        return .json(EndedSlice(ended: slice.ended, next: slice.cursor?.description))
    }
}
