public import Hummingbird
import PawlAPI

extension Pawl {
    /// Adds the routes under `/auth` and `/.well-known`. Any context will do that knows its peer's address.
    public func addRoutes<Context: RemoteAddressRequestContext>(to router: some RouterMethods<Context>) {
        route("\(PawlPath.register)", on: router, [.post: register])
        route("\(PawlPath.login)", on: router, [.post: login])
        route("\(PawlPath.refresh)", on: router, [.post: refresh])
        route("\(PawlPath.logout)", on: router, [.post: logout])
        route("\(PawlPath.logoutOthers)", on: router, [.post: logoutOthers])
        route("\(PawlPath.logoutAll)", on: router, [.post: logoutAll])
        route("\(PawlPath.session)", on: router, [.get: showSession])
        route("\(PawlPath.sessions)", on: router, [.get: listSessions])
        route("\(PawlPath.sessions)/:id", on: router, [.patch: renameSession, .delete: endSession])
        route("\(PawlPath.reauthenticate)", on: router, [.post: reauthenticate])
        route("\(PawlPath.password)", on: router, [.put: changePassword])
        route("\(PawlPath.metadata)", on: router, [.get: metadata])
        route("\(PawlPath.keys)", on: router, [.get: keySet])
    }

    /// Adds something to look at, with the headers of every answer where it does not say otherwise.
    package func addRoute<Context: RemoteAddressRequestContext>(
        _ path: RouterPath, to router: some RouterMethods<Context>, _ get: @escaping @Sendable (Request) -> Response
    ) {
        route(path, on: router, takesLongHeads: true, [.get: { get($0.request) }])
    }
}

/// Answers what no route takes, with the headers of every answer.
public struct NotFoundMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    let pawl: Pawl

    public init(_ pawl: Pawl) {
        self.pawl = pawl
    }

    public func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return await pawl.respond(to: request, context: context) { _ in throw ProblemError.notFound }
        }
    }
}
