import HTTPTypes
import Hummingbird
import PawlAPI
import PawlCore

/// What anybody may read: the server's metadata and its key set.
struct PublishedRoutes: Sendable {
    let publicURL: String
    let keys: Keys

    /// `GET /.well-known/oauth-authorization-server` (RFC 8414)
    func metadata(_ request: APIRequest) async throws -> Response {
        let url = publicURL
        return .cacheable(ServerMetadata(issuer: url, jwksURI: url + PawlPath.keys))
    }

    /// `GET /.well-known/jwks.json` (RFC 7517 §5)
    func keySet(_ request: APIRequest) async throws -> Response { .cacheable(keys.publicKeys) }
}

extension Response {
    /// Public, and to be read by anybody's script (RFC 9700 §2.6).
    fileprivate static func cacheable(_ body: some Encodable) -> Self {
        var response = Response.json(body)
        response.headers[.cacheControl] = "public, max-age=\(KeySchedule.cacheLifetime)"
        response.headers[.accessControlAllowOrigin] = "*"
        return response
    }
}
