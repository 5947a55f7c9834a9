import Foundation
import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `GET /admin/users?after=IDENTIFIER&limit=N`
    func listUsers(_ exchange: Exchange) async throws -> Response {
        let after = try exchange.query("after", is: "an identifier") { Identifier($0) }
        let users = try await accounts.users(after: after, limit: exchange.limit())
        return .json(UserList(users: users.map { UserDescription($0) }))
    }

    /// `POST /admin/users`
    func addUser(_ exchange: Exchange) async throws -> Response {
        let body = try exchange.body(NewUserRequest.self)
        try exchange.check(roles: body.roles, scope: body.scope)
        let user = try await accounts.add(
            exchange.identifier(body.identifier), password: exchange.password(body.password), roles: body.roles ?? [],
            scope: body.scope ?? [])
        return .json(UserDescription(user), status: .created)
    }

    /// `GET /admin/users/{identifier}`
    func showUser(_ exchange: Exchange) async throws -> Response {
        .json(UserDescription(try await accounts.user(exchange.userIdentifier())))
    }

    /// `PATCH /admin/users/{identifier}`: roles, scope, disabled, password.
    func changeUser(_ exchange: Exchange) async throws -> Response {
        let body = try exchange.body(UserChangeRequest.self)
        try exchange.check(roles: body.roles, scope: body.scope)
        let identifier = try exchange.userIdentifier()
        let password = try body.password.map { try exchange.password($0) }
        let change = UserChange(roles: body.roles, scope: body.scope, isDisabled: body.disabled, at: clock.now)
        return .json(UserDescription(try await accounts.administer(identifier, change, password: password)))
    }

    /// `GET /admin/users/{identifier}/sessions?after=ID&limit=N`: the live ones, newest first.
    func listUserSessions(_ exchange: Exchange) async throws -> Response {
        let identifier = try exchange.userIdentifier()
        return try await exchange.sessionPage(current: nil) { cursor, limit in
            try await self.accounts.devices(of: identifier, after: cursor, limit: limit)
        }
    }

    /// `DELETE /admin/users/{identifier}/sessions`
    func endUserSessions(_ exchange: Exchange) async throws -> Response {
        .json(EndedSessions(ended: try await accounts.endSessions(of: exchange.userIdentifier())))
    }
}

extension Exchange {
    fileprivate func userIdentifier() throws -> Identifier {
        guard let identifier = pathParameter?.removingPercentEncoding.flatMap({ Identifier($0) }) else {
            throw SessionError.noSuchUser
        }
        return identifier
    }

    fileprivate func check(roles: [String]?, scope: [String]?) throws {
        guard isValidScopeList(roles ?? []), isValidScopeList(scope ?? []) else {
            throw ProblemError.invalidRequest(
                "Roles and scopes are up to 32 different words of 1 to 64 printable ASCII characters.")
        }
    }
}

extension UserDescription {
    fileprivate init(_ user: User) {
        self.init(
            subject: user.id.description, identifier: user.identifier.typed, roles: user.roles, scope: user.scope,
            disabled: user.isDisabled, createdAt: user.createdAt.rfc3339)
    }
}
