import Hummingbird
import PawlAPI
import PawlCore
import PawlJWT

extension Pawl {
    /// `POST /auth/logout`: by refresh token or access token, not both; 204 also for garbage and dead ones.
    func logout(_ exchange: Exchange) async throws -> Response {
        let delivery = try exchange.delivery()
        let accessToken = try exchange.accessToken()
        switch (accessToken, !exchange.content.isEmpty) {
        case (.some, true):
            throw ProblemError.invalidRequest("Send a refresh token or an access token, not both.")
        case (nil, _):
            let token = try exchange.refreshToken()
            try await sessions.signOut(refreshToken: token, delivery: delivery, origin: exchange.origin)
        case (let token?, false):
            do {
                try await sessions.signOut(exchange.session(of: token), origin: exchange.origin)
            } catch is AccessTokenError {
                break  // whoever wants to be signed out is
            }
        }
        return Response(status: .noContent)
    }

    /// `POST /auth/logout/others`
    func logoutOthers(_ exchange: Exchange) async throws -> Response {
        _ = try exchange.delivery()
        try await sessions.endOthers(by: exchange.session(), origin: exchange.origin)
        return Response(status: .noContent)
    }

    /// `POST /auth/logout/all`
    func logoutAll(_ exchange: Exchange) async throws -> Response {
        _ = try exchange.delivery()
        try await sessions.endAll(by: exchange.session(), origin: exchange.origin)
        return Response(status: .noContent)
    }
}
