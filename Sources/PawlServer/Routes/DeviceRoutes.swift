import Hummingbird
import PawlAPI
import PawlCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Pawl {
    /// `GET /auth/session`
    func showSession(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        var description = SessionDescription(session, current: session.id)
        description.subject = session.subject.description
        description.identifier = try await accounts.user(of: session).identifier.typed
        description.roles = session.roles
        description.scope = session.scope.joined(separator: " ")
        description.authTime = session.authTime.rfc3339
        return .json(description)
    }

    /// `GET /auth/sessions`
    func listSessions(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        let all = try await sessions.devices(of: session)
        return .json(SessionList(sessions: all.map { SessionDescription($0, current: session.id) }))
    }

    /// `PATCH /auth/sessions/{id}`
    func renameSession(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        let body = try exchange.body(RenameRequest.self)
        try await sessions.rename(exchange.sessionID(), to: body.device, by: session)
        return Response(status: .noContent)
    }

    /// `DELETE /auth/sessions/{id}`
    func endSession(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        try await sessions.end(exchange.sessionID(), by: session, origin: exchange.origin)
        return Response(status: .noContent)
    }
}

extension Exchange {
    func sessionID() throws -> SessionID {
        guard let id = pathParameter.flatMap({ SessionID($0) }) else { throw SessionError.noSuchSession }
        return id
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
