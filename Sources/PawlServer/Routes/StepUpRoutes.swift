import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `POST /auth/reauthenticate`
    func reauthenticate(_ exchange: Exchange) async throws -> Response {
        let delivery = try exchange.delivery()
        let attempt = try exchange.attempt()
        let body = try exchange.body(ReauthenticateRequest.self)
        let request = StepUpRequest(
            refreshToken: body.refreshToken, delivery: delivery, attempt: attempt, origin: exchange.origin)
        return .tokens(try await accounts.reauthenticate(request, password: exchange.password(body.password)))
    }

    /// `PUT /auth/password`
    func changePassword(_ exchange: Exchange) async throws -> Response {
        let delivery = try exchange.delivery()
        let attempt = try exchange.attempt()
        let body = try exchange.body(PasswordChangeRequest.self)
        let request = StepUpRequest(
            refreshToken: body.refreshToken, delivery: delivery, attempt: attempt, origin: exchange.origin)
        return .tokens(
            try await accounts.changePassword(
                request, current: exchange.password(body.current), new: exchange.password(body.new)))
    }
}
