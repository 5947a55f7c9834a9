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
    public var coreContext: CoreRequestContextStorage
    public var accessToken: AccessTokenClaims?
    public let remoteAddress: SocketAddress?

    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
    }
}
