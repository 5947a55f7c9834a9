import Hummingbird
import PawlAPI
import PawlCore
import PawlJOSE

/// `POST /auth/logout`, for this session, the others, or all.
struct SignOutRoutes: Sendable {
    let sessions: Sessions
    let caller: CallerAuthentication

    /// `POST /auth/logout`: by refresh token or access token, not both; 204 also for garbage and dead ones, and for a
    /// browser that has neither.
    func signOut(_ request: APIRequest) async throws -> Response {
        let (accessToken, member) = (try request.accessToken(), try request.bodyToken())
        let attempt = try request.attempt()
        switch (accessToken, try request.tokenToEnd(member, as: attempt)) {
        case (_?, _?):
            throw ProblemError.invalidRequest("Send a refresh token or an access token, not both.")
        case (nil, nil) where request.delivery == .cookie:
            break
        case (nil, nil):
            throw ProblemError.invalidRequest("The member refresh_token is missing.")
        case (nil, let token?):
            try await sessions.signOut(token)
        case (let token?, nil):
            do {
                try await sessions.signOut(caller.session(of: token), origin: request.origin)
            } catch is AccessTokenError {
                break  // a client with a dead token is signed out already
            }
        }
        return .signedOut(request)
    }

    /// `POST /auth/logout/others`
    func signOutOthers(_ request: APIRequest) async throws -> Response {
        try await sessions.endOthers(by: caller.session(of: request), origin: request.origin)
        return Response(status: .noContent)
    }

    /// `POST /auth/logout/all`
    func signOutAll(_ request: APIRequest) async throws -> Response {
        let attempt = try request.attempt()
        try await sessions.endAll(by: caller.session(of: request), origin: request.origin)
        try await sessions.signOut(cookieIn: request, under: attempt)
        return .signedOut(request)
    }
}

extension Sessions {
    /// The cookie that came along is about to be overwritten: nobody would hold its session any more. One that somebody
    /// else planted is never adopted.
    /// - Parameter attempt: the name that the page keeps beside it.
    func signOut(cookieIn request: APIRequest, under attempt: AttemptName?) async throws {
        guard let cookie = request.cookie else { return }
        try await signOut(
            PresentedToken(refreshToken: cookie, delivery: .cookie, attempt: attempt, origin: request.origin))
    }
}

extension Response {
    /// No `Clear-Site-Data`: it would also wipe what the application keeps in the browser, and in some takes seconds.
    static func signedOut(_ request: APIRequest) -> Self {
        var response = Response(status: .noContent)
        if request.delivery == .cookie { response.headers.append(request.refreshCookie.cleared) }
        return response
    }
}
