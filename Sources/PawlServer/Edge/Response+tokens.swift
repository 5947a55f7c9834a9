import HTTPTypes
import Hummingbird
import NIOCore
import PawlCore
import PawlJOSE

extension Response {
    /// The answer that carries credentials (RFC 6749 §5.1): a `TokenResponse`, assembled by hand since there is one to
    /// every refresh. A browser gets the refresh token as a cookie instead.
    static func tokens(_ grant: TokenGrant, to request: APIRequest, status: HTTPResponse.Status = .ok) -> Self {
        let session = grant.session
        var object = JSONObject()
        object.append("access_token", grant.accessToken)
        object.append("token_type", "Bearer")
        object.append("expires_in", grant.accessLifetime)
        if request.delivery == .body { object.append("refresh_token", grant.refreshToken) }
        object.append("refresh_token_timeout", grant.refreshTimeout)
        object.append("authorization_expires_in", grant.authorizationExpiresIn)
        if !session.scope.isEmpty { object.append("scope", session.scope.joined(separator: " ")) }
        object.append("session_id", session.id.description)
        object.append("subject", session.subject.description)
        if grant.isReplay { object.append("repeated", true) }
        var response = Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: object.text)))
        if request.delivery == .cookie {
            response.headers.append(
                request.refreshCookie.holding(grant.refreshToken, maxAge: grant.refreshTimeout))
        }
        return response
    }
}
