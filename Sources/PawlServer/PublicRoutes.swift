import HTTPTypes
public import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// Adds the routes under `/auth` and `/.well-known`.
    /// - Parameter router: of any context that knows its peer's address.
    public func addRoutes<Context: RemoteAddressRequestContext>(to router: some RouterMethods<Context>) {
        let (accounts, sessions) = (engine.accounts, engine.sessions)
        let caller = CallerAuthentication(accessTokens: engine.accessTokens, sessions: sessions)
        let signIn = SignInRoutes(accounts: accounts, sessions: sessions)
        let refresh = RefreshRoutes(sessions: sessions)
        let signOut = SignOutRoutes(sessions: sessions, caller: caller)
        let devices = DeviceRoutes(accounts: accounts, sessions: sessions, caller: caller)
        let stepUp = StepUpRoutes(accounts: accounts)
        let published = PublishedRoutes(publicURL: configuration.publicURL, keys: engine.keys)

        let routes: [(path: String, handlers: [HTTPRequest.Method: RequestPipeline.Handler])] = [
            (PawlPath.register, [.post: signIn.register]),
            (PawlPath.login, [.post: signIn.login]),
            (PawlPath.refresh, [.post: refresh.refresh]),
            (PawlPath.logout, [.post: signOut.signOut]),
            (PawlPath.logoutOthers, [.post: signOut.signOutOthers]),
            (PawlPath.logoutAll, [.post: signOut.signOutAll]),
            (PawlPath.session, [.get: devices.showCurrent]),
            (PawlPath.sessions, [.get: devices.list]),
            ("\(PawlPath.sessions)/:id", [.patch: devices.rename, .delete: devices.end]),
            (PawlPath.reauthenticate, [.post: stepUp.reauthenticate]),
            (PawlPath.password, [.put: stepUp.changePassword]),
            (PawlPath.metadata, [.get: published.metadata]),
            (PawlPath.keys, [.get: published.keySet]),
        ]
        for (path, handlers) in routes { pipeline.route("\(path)", on: router, handlers) }
    }

    /// Adds a public GET route for a fixed response. The headers of every answer are added unless it sets them.
    package func addRoute<Context: RemoteAddressRequestContext>(
        _ path: RouterPath, to router: some RouterMethods<Context>, _ get: @escaping @Sendable (Request) -> Response
    ) {
        pipeline.route(path, on: router, takesLongHeads: true, [.get: { get($0.request) }])
    }
}
