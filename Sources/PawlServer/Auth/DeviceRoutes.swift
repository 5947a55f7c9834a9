import Hummingbird
import PawlAPI
import PawlCore

/// `/auth/session` and `/auth/sessions`: the caller's sessions, one for each device.
struct DeviceRoutes: Sendable {
    let accounts: Accounts
    let sessions: Sessions
    let caller: CallerAuthentication

    /// `GET /auth/session`
    func showCurrent(_ request: APIRequest) async throws -> Response {
        let session = try await caller.session(of: request)
        var description = SessionDescription(session, current: session.id)
        description.subject = session.subject.description
        description.identifier = try await accounts.user(of: session).identifier.typed
        description.roles = session.roles
        description.scope = session.scope.joined(separator: " ")
        description.authTime = session.proof.time.rfc3339
        return .json(description)
    }

    /// `GET /auth/sessions?after=ID&limit=N`: newest first.
    func list(_ request: APIRequest) async throws -> Response {
        let session = try await caller.session(of: request)
        return try await request.sessionPage(current: session.id) { cursor, limit in
            try await sessions.devices(of: session.subject, after: cursor, limit: limit)
        }
    }

    /// `PATCH /auth/sessions/{id}`
    func rename(_ request: APIRequest) async throws -> Response {
        let session = try await caller.session(of: request)
        let body = try request.body(RenameRequest.self)
        try await sessions.rename(request.sessionID(), to: body.device, by: session)
        return Response(status: .noContent)
    }

    /// `DELETE /auth/sessions/{id}`. A browser whose own session this was keeps no cookie of it. A cookie of another
    /// session stays: somebody else may have signed in meanwhile.
    func end(_ request: APIRequest) async throws -> Response {
        let session = try await caller.session(of: request)
        let id = try request.sessionID()
        try await sessions.end(id, by: session, origin: request.origin)
        let isOwn = request.cookie.map { sessions.sessionID(of: $0) == id } ?? false
        return isOwn ? .signedOut(request) : Response(status: .noContent)
    }
}

extension SessionDescription {
    init(_ session: Session, current: SessionID?) {
        self.init(
            id: session.id.description, device: Session.deviceName(session.device), userAgent: session.origin.userAgent,
            ip: session.origin.address, createdAt: session.createdAt.rfc3339, lastUsedAt: session.lastUsedAt.rfc3339,
            expiresAt: session.expiresAt.rfc3339, current: session.id == current)
    }
}
