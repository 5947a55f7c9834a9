import Hummingbird
import PawlAPI
import PawlCore
import PawlJWT

extension Pawl {
    /// `POST /auth/logout`: by refresh token or access token, not both; 204 also for garbage and dead ones, and for a
    /// browser that has neither.
    func logout(_ exchange: Exchange) async throws -> Response {
        let (accessToken, member) = (try exchange.accessToken(), try exchange.bodyToken())
        let attempt = try exchange.attempt()
        switch (accessToken, exchange.cookie == nil && member == nil) {
        case (_?, false):
            throw ProblemError.invalidRequest("Send a refresh token or an access token, not both.")
        case (nil, true) where exchange.delivery == .cookie:
            break
        case (nil, _):
            let token = try exchange.refreshToken(member)
            try await sessions.signOut(refreshToken: token, attempt: attempt, origin: exchange.origin)
        case (let token?, true):
            do {
                try await sessions.signOut(exchange.session(of: token), origin: exchange.origin)
            } catch is AccessTokenError {
                break  // whoever wants to be signed out is
            }
        }
        return .signedOut(exchange)
    }

    /// `POST /auth/logout/others`
    func logoutOthers(_ exchange: Exchange) async throws -> Response {
        try await sessions.endOthers(by: exchange.session(), origin: exchange.origin)
        return Response(status: .noContent)
    }

    /// `POST /auth/logout/all`
    func logoutAll(_ exchange: Exchange) async throws -> Response {
        let attempt = try exchange.attempt()
        try await sessions.endAll(by: exchange.session(), origin: exchange.origin)
        try await endSession(ofCookieIn: exchange, under: attempt)
        return .signedOut(exchange)
    }

    /// The cookie that came along is about to be overwritten: nobody would hold its session any more. One that somebody
    /// else planted is never adopted.
    /// - Parameter attempt: the name that the page keeps beside it.
    func endSession(ofCookieIn exchange: Exchange, under attempt: AttemptName?) async throws {
        guard let cookie = exchange.cookie else { return }
        try await sessions.signOut(refreshToken: cookie, attempt: attempt, origin: exchange.origin)
    }
}

extension Response {
    /// No `Clear-Site-Data`: it would also wipe what the application keeps in the browser, and in some takes seconds.
    static func signedOut(_ exchange: Exchange) -> Self {
        var response = Response(status: .noContent)
        if exchange.delivery == .cookie { response.headers.append(exchange.pawl.refreshCookie.cleared) }
        return response
    }
}
