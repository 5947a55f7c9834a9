public import Hummingbird
import PawlAPI

/// Answers what no route takes, with the headers of every answer.
public struct NotFoundMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    private let pipeline: RequestPipeline

    /// Makes the middleware of a server.
    public init(_ pawl: Pawl) {
        pipeline = pawl.pipeline
    }

    /// Answers 404 as a problem (RFC 9457) where no route takes the request.
    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return await pipeline.respond(to: request, context: context) { _ in throw ProblemError.notFound }
        }
    }
}
