import PawlCore
import PawlJOSE

/// Finds the live session that a request's access token speaks for.
struct CallerAuthentication: Sendable {
    let accessTokens: AccessTokens
    let sessions: Sessions

    /// The live session of the caller.
    func session(of request: APIRequest) async throws -> Session {
        guard let token = try request.accessToken() else { throw ProblemError.unauthenticated }
        return try await session(of: token)
    }

    /// A token that outlives its session is as bad as one that has expired (RFC 6750 §3.1).
    func session(of accessToken: String) async throws -> Session {
        let claims = try await accessTokens.validate(accessToken)
        do throws(SessionError) {
            return try await sessions.session(of: claims)
        } catch {
            if error == .unavailable { throw error }
            throw AccessTokenError.sessionEnded
        }
    }
}
