import Hummingbird
import PawlAPI
import PawlCore

/// `POST /auth/refresh`.
struct RefreshRoutes: Sendable {
    let sessions: Sessions

    /// `POST /auth/refresh`. Never clears a cookie: a refusal may answer a token that another answer has replaced by now.
    func refresh(_ request: APIRequest) async throws -> Response {
        let attempt = try request.attempt()
        let token = try request.presentedToken(request.bodyToken(), as: attempt)
        return .tokens(try await sessions.refresh(token), to: request)
    }
}
