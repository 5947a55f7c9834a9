import HTTPTypes
import Hummingbird
import PawlAPI
import PawlCore

extension Response {
    /// The answer that carries credentials (RFC 6749 §5.1).
    static func tokens(_ grant: TokenGrant, status: HTTPResponse.Status = .ok) -> Self {
        let scope = grant.session.scope
        return .json(
            TokenResponse(
                accessToken: grant.accessToken, expiresIn: grant.accessLifetime, refreshToken: grant.refreshToken,
                refreshTokenTimeout: grant.refreshTimeout, authorizationExpiresIn: grant.authorizationExpiresIn,
                scope: scope.isEmpty ? nil : scope.joined(separator: " "), sessionID: grant.session.id.description,
                subject: grant.session.subject.description),
            status: status)
    }
}
