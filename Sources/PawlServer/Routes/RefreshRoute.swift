import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `POST /auth/refresh`
    func refresh(_ exchange: Exchange) async throws -> Response {
        let delivery = try exchange.delivery()
        let attempt = try exchange.attempt()
        let token = try exchange.refreshToken()
        return .tokens(
            try await sessions.refresh(token, delivery: delivery, attempt: attempt, origin: exchange.origin))
    }
}
