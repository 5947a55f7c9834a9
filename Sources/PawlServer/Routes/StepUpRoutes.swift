import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `POST /auth/reauthenticate`
    func reauthenticate(_ exchange: Exchange) async throws -> Response {
        let attempt = try exchange.attempt()
        let body = try exchange.body(ReauthenticateRequest.self)
        let request = StepUpRequest(
            refreshToken: try exchange.refreshToken(body.refreshToken), delivery: exchange.delivery,
            attempt: attempt, origin: exchange.origin)
        let grant = try await accounts.reauthenticate(request, password: exchange.password(body.password))
        return .tokens(grant, to: exchange)
    }

    /// `PUT /auth/password`
    func changePassword(_ exchange: Exchange) async throws -> Response {
        let attempt = try exchange.attempt()
        let body = try exchange.body(PasswordChangeRequest.self)
        let request = StepUpRequest(
            refreshToken: try exchange.refreshToken(body.refreshToken), delivery: exchange.delivery,
            attempt: attempt, origin: exchange.origin)
        let grant = try await accounts.changePassword(
            request, current: exchange.password(body.current), new: exchange.password(body.new))
        return .tokens(grant, to: exchange)
    }
}
