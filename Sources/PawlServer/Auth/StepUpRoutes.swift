import Hummingbird
import PawlAPI
import PawlCore

/// `POST /auth/reauthenticate` and `PUT /auth/password`: a refresh token and a password together.
struct StepUpRoutes: Sendable {
    let accounts: Accounts

    /// `POST /auth/reauthenticate`
    func reauthenticate(_ request: APIRequest) async throws -> Response {
        let attempt = try request.attempt()
        let body = try request.body(ReauthenticateRequest.self)
        let token = try request.presentedToken(body.refreshToken, as: attempt)
        let grant = try await accounts.reauthenticate(token, password: request.password(body.password))
        return .tokens(grant, to: request)
    }

    /// `PUT /auth/password`
    func changePassword(_ request: APIRequest) async throws -> Response {
        let attempt = try request.attempt()
        let body = try request.body(PasswordChangeRequest.self)
        let token = try request.presentedToken(body.refreshToken, as: attempt)
        let grant = try await accounts.changePassword(
            token, current: request.password(body.current), new: request.password(body.new))
        return .tokens(grant, to: request)
    }
}
