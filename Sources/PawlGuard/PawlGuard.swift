import HTTPTypes
public import Hummingbird
public import Logging
import PawlAPI
public import PawlJOSE

/// Lets only requests with a good access token through (RFC 6750, RFC 9068 §4), and hands their claims to the routes.
///
///     let router = Router(context: GuardedContext.self)
///     router.add(middleware: PawlGuard(issuer: "https://auth.example.com"))
///     router.group("notes").add(middleware: RequireScope("notes:read")).get { _, context in … }
public struct PawlGuard<Context: GuardedRequestContext>: RouterMiddleware {
    private let validator: any AccessTokenChecker

    /// A guard of an API beside the server: finds the issuer's keys, keeps them, and checks tokens by itself.
    /// - Parameters:
    ///   - issuer: the server's public URL, to the letter.
    ///   - audience: this API's own name, one of the server's setting `audience`. Without it every token of the issuer
    ///     passes, since all of them name the issuer as `aud`.
    ///   - skew: how many seconds this machine's clock and the server's may differ. A token is good for so much longer
    ///     than its lifetime; 0 is exact.
    ///   - logger: where to tell that keys cannot be fetched.
    public init(
        issuer: String, audience: String? = nil, skew: Int64 = 30, logger: Logger = Logger(label: "pawl.guard")
    ) {
        self.init(
            PublishedKeys(
                verifier: AccessTokenVerifier(issuer: issuer, audience: audience ?? issuer, skew: skew), logger: logger)
        )
    }

    /// A guard of routes in the server's own process (`pawl.accessTokens`): it also refuses ended sessions at once.
    public init(_ validator: any AccessTokenChecker) {
        self.validator = validator
    }

    /// Checks the access token of a request, or answers 401.
    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        switch BearerCredentials(authorization: request.headers[values: .authorization]) {
        case .none:
            return .refusal(.unauthorized, BearerChallenge(), code: .invalidToken, detail: "Send an access token.")
        case .malformed:
            let detail = "Send one Authorization field: Bearer and an access token."
            return .refusal(
                .badRequest, BearerChallenge(error: .invalidRequest, description: detail), code: .invalidRequest,
                detail: detail)
        case .token(let token):
            var context = context
            do throws(AccessTokenError) {
                context.accessToken = try await validator.validate(token)
            } catch {
                return .refusal(of: error)
            }
            return try await next(request, context)
        }
    }
}
