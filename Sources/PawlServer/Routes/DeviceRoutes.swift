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

    /// `GET /auth/sessions?after=ID&limit=N`: newest first.
    func listSessions(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        return try await exchange.sessionPage(current: session.id) { cursor, limit in
            try await self.sessions.devices(of: session.subject, after: cursor, limit: limit)
        }
    }

    /// `PATCH /auth/sessions/{id}`
    func renameSession(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        let body = try exchange.body(RenameRequest.self)
        try await sessions.rename(exchange.sessionID(), to: body.device, by: session)
        return Response(status: .noContent)
    }

    /// `DELETE /auth/sessions/{id}`. A browser whose own session this was keeps no cookie of it. A cookie of another
    /// session stays: somebody else may have signed in meanwhile.
    func endSession(_ exchange: Exchange) async throws -> Response {
        let session = try await exchange.session()
        let id = try exchange.sessionID()
        try await sessions.end(id, by: session, origin: exchange.origin)
        let isOwn = exchange.cookie.map { sessions.sessionID(of: $0) == id } ?? false
        return isOwn ? .signedOut(exchange) : Response(status: .noContent)
    }
}

extension Exchange {
    /// A page of sessions, as the query asks for it.
    /// - Parameter find: those after one, in the list's order, at most so many.
    func sessionPage(
        current: SessionID?, _ find: (SessionID?, Int) async throws -> [Session]
    ) async throws -> Response {
        let cursor = try query("after", is: "a session's id") { SessionID($0) }
        let limit = try limit()
        let found = try await find(cursor, limit + 1)
        let page = found.prefix(limit)
        return .json(
            SessionList(
                sessions: page.map { SessionDescription($0, current: current) },
                next: found.count > limit ? page.last?.id.description : nil))
    }

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
