public import Hummingbird
public import NIOCore
public import PawlJOSE

/// A context that carries the claims of the request's access token: nil where no guard stands before the route.
public protocol GuardedRequestContext: RequestContext {
    var accessToken: AccessTokenClaims? { get set }
}

/// The default context, if the application needs no other. It knows its peer's address, so that routes of Pawl can share
/// its router.
public struct GuardedContext: GuardedRequestContext, RemoteAddressRequestContext {
    /// What Hummingbird keeps.
    public var coreContext: CoreRequestContextStorage
    /// The claims of the request's access token; nil where no guard stands before the route.
    public var accessToken: AccessTokenClaims?
    /// The address that the request came from.
    public let remoteAddress: SocketAddress?

    /// Makes the context of a request.
    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
    }
}
