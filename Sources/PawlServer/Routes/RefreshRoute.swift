import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `POST /auth/refresh`. Never clears a cookie: a refusal may answer a token that another answer has replaced by now.
    func refresh(_ exchange: Exchange) async throws -> Response {
        let attempt = try exchange.attempt()
        let token = try exchange.refreshToken(exchange.bodyToken())
        let grant = try await sessions.refresh(
            token, delivery: exchange.delivery, attempt: attempt, origin: exchange.origin)
        return .tokens(grant, to: exchange)
    }
}
