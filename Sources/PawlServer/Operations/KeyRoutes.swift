import Hummingbird
import PawlAPI
import PawlCore

/// `/admin/keys`
struct KeyRoutes: Sendable {
    let keys: Keys

    /// `GET /admin/keys`
    func list(_ request: APIRequest) async throws -> Response {
        let stored = try await keys.stored()
        return .json(
            KeyList(
                keys: stored.map { key, signs in
                    KeyDescription(
                        id: key.id, algorithm: key.algorithm, createdAt: key.createdAt.rfc3339,
                        activatesAt: key.activatesAt.rfc3339, signs: signs)
                }))
    }

    /// `POST /admin/keys`: makes the next key now.
    func rotate(_ request: APIRequest) async throws -> Response {
        try await keys.rotate()
        return try await list(request)
    }

    /// `DELETE /admin/keys/{id}`: takes a leaked key out at once.
    func retire(_ request: APIRequest) async throws -> Response {
        guard let id = request.pathParameter, try await keys.retire(id) else {
            throw ProblemError(.notFound, .notFound, "There is no such key.")
        }
        return try await list(request)
    }
}
