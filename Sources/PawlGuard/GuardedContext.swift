public import Hummingbird
public import PawlJOSE

/// A context that carries the claims of the request's access token: nil where no guard stands before the route.
public protocol GuardedRequestContext: RequestContext {
    var accessToken: AccessTokenClaims? { get set }
}

/// A ready-made one.
public struct GuardedContext: GuardedRequestContext {
    public var coreContext: CoreRequestContextStorage
    public var accessToken: AccessTokenClaims?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
    }
}
