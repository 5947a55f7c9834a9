import HTTPTypes
public import Hummingbird
import PawlAPI
import PawlJOSE

/// Lets only tokens through that have all of these scopes (RFC 6750 §3.1, `insufficient_scope`). Goes behind a
/// ``PawlGuard``.
public struct RequireScope<Context: GuardedRequestContext>: RouterMiddleware {
    private let scope: [String]

    /// Requires all of these scopes.
    public init(_ scope: String...) {
        self.scope = scope
    }

    /// Passes the request on, or answers 403.
    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let claims = context.accessToken, Set(scope).isSubset(of: claims.scope) else {
            let detail = "This needs another scope."
            let needed = scope.joined(separator: " ")
            return .refusal(
                .forbidden, BearerChallenge(error: .insufficientScope, description: detail, scope: needed),
                code: .insufficientScope, detail: detail)
        }
        return try await next(request, context)
    }
}

/// Lets only tokens through that have one of these roles. Goes behind a ``PawlGuard``. RFC 6750 has no word for roles:
/// the challenge says `insufficient_scope`, the body `insufficient_role`.
public struct RequireRole<Context: GuardedRequestContext>: RouterMiddleware {
    private let roles: [String]

    /// Requires one of these roles.
    public init(anyOf roles: String...) {
        self.roles = roles
    }

    /// Passes the request on, or answers 403.
    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let claims = context.accessToken, !Set(roles).isDisjoint(with: claims.roles) else {
            let detail = "This needs another role."
            return .refusal(
                .forbidden, BearerChallenge(error: .insufficientScope, description: detail), code: .insufficientRole,
                detail: detail)
        }
        return try await next(request, context)
    }
}
