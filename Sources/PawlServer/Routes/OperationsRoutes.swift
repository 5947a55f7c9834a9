import Foundation
import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `GET /healthz`: the process answers.
    func health(_ exchange: Exchange) async throws -> Response { .json(["status": "ok"]) }

    /// `GET /readyz`: it can serve.
    func readiness(_ exchange: Exchange) async throws -> Response {
        do {
            try await store.ping()
        } catch {
            throw SessionError.unavailable
        }
        return .json(["status": "ok"])
    }

    /// `PATCH /admin/users/{identifier}`: roles, scope, disabled. For the holder of a master secret.
    func changeUser(_ exchange: Exchange) async throws -> Response {
        try exchange.requireOperator()
        let body = try exchange.body(UserChangeRequest.self)
        guard isValidScopeList(body.roles ?? []), isValidScopeList(body.scope ?? []) else {
            throw ProblemError.invalidRequest(
                "Roles and scopes are up to 32 different words of 1 to 64 printable ASCII characters.")
        }
        guard let identifier = exchange.pathParameter?.removingPercentEncoding.flatMap({ Identifier($0) }) else {
            throw SessionError.noSuchUser
        }
        let user = try await accounts.administer(
            identifier, UserChange(roles: body.roles, scope: body.scope, isDisabled: body.disabled, at: clock.now))
        return .json(
            UserDescription(
                subject: user.id.description, identifier: user.identifier.text, roles: user.roles, scope: user.scope,
                disabled: user.isDisabled))
    }
}

extension Exchange {
    fileprivate func requireOperator() throws {
        let subject = OperationsCredential.Subject(
            method: request.method.rawValue, path: request.uri.path, body: content)
        guard let header = request.headers[.authorization],
            OperationsCredential.isValid(header, for: subject, secrets: pawl.secrets, at: pawl.clock.now)
        else {
            throw ProblemError(
                .unauthorized, .invalidToken, "This needs a credential made with the master secret.",
                headers: [.wwwAuthenticate: OperationsCredential.scheme])
        }
    }
}
