import Foundation
import Hummingbird
import PawlAPI
import PawlCore

/// `/admin/users`
struct UserRoutes: Sendable {
    let accounts: Accounts
    let clock: WallClock

    /// `GET /admin/users?after=IDENTIFIER&limit=N`
    func list(_ request: APIRequest) async throws -> Response {
        let after = try request.query("after", is: "an identifier") { Identifier($0) }
        let users = try await accounts.users(after: after, limit: request.limit())
        return .json(UserList(users: users.map { UserDescription($0) }))
    }

    /// `POST /admin/users`
    func add(_ request: APIRequest) async throws -> Response {
        let body = try request.body(NewUserRequest.self)
        try request.check(roles: body.roles, scope: body.scope)
        let user = try await accounts.add(
            request.identifier(body.identifier), password: request.password(body.password), roles: body.roles ?? [],
            scope: body.scope ?? [])
        return .json(UserDescription(user), status: .created)
    }

    /// `GET /admin/users/{identifier}`
    func show(_ request: APIRequest) async throws -> Response {
        .json(UserDescription(try await accounts.user(request.userIdentifier())))
    }

    /// `PATCH /admin/users/{identifier}`: roles, scope, disabled, password.
    func change(_ request: APIRequest) async throws -> Response {
        let body = try request.body(UserChangeRequest.self)
        try request.check(roles: body.roles, scope: body.scope)
        let identifier = try request.userIdentifier()
        let password = try body.password.map { try request.password($0) }
        let change = UserChange(roles: body.roles, scope: body.scope, isDisabled: body.disabled, at: clock.now)
        return .json(UserDescription(try await accounts.administer(identifier, change, password: password)))
    }

    /// `GET /admin/users/{identifier}/sessions?after=ID&limit=N`: the live ones, newest first.
    func listSessions(_ request: APIRequest) async throws -> Response {
        let identifier = try request.userIdentifier()
        return try await request.sessionPage(current: nil) { cursor, limit in
            try await accounts.devices(of: identifier, after: cursor, limit: limit)
        }
    }

    /// `DELETE /admin/users/{identifier}/sessions`
    func endSessions(_ request: APIRequest) async throws -> Response {
        .json(PawlAPI.EndedSessions(ended: try await accounts.endSessions(of: request.userIdentifier())))
    }
}

extension UserDescription {
    fileprivate init(_ user: User) {
        self.init(
            subject: user.id.description, identifier: user.identifier.typed, roles: user.roles, scope: user.scope,
            disabled: user.isDisabled, createdAt: user.createdAt.rfc3339)
    }
}
