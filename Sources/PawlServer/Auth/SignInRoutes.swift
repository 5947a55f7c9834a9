import Hummingbird
import PawlAPI
import PawlCore

/// `POST /auth/register` and `/auth/login`.
struct SignInRoutes: Sendable {
    let accounts: Accounts
    let sessions: Sessions

    /// `POST /auth/register`
    func register(_ request: APIRequest) async throws -> Response {
        let (attempt, credentials) = (try request.attempt(), try request.credentials())
        let grant = try await accounts.register(credentials, origin: request.origin, delivery: request.delivery)
        try await sessions.signOut(cookieIn: request, under: attempt)
        return .tokens(grant, to: request, status: .created)
    }

    /// `POST /auth/login`
    func login(_ request: APIRequest) async throws -> Response {
        let (attempt, credentials) = (try request.attempt(), try request.credentials())
        let grant = try await accounts.login(credentials, origin: request.origin, delivery: request.delivery)
        try await sessions.signOut(cookieIn: request, under: attempt)
        return .tokens(grant, to: request)
    }
}
