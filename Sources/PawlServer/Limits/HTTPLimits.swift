public import Hummingbird
public import HummingbirdCore
import NIOCore

/// What a client may cost: sizes in bytes, times in seconds. Hummingbird's own idle time-out is off by default and
/// renewed by every byte, so a slow client could hold a connection for ever.
public struct HTTPLimits: Sendable {
    /// Connections at once. Keep it under the limit of open files. When this number is reached, the connections that have
    /// waited longest for their client are closed; if all are busy, new ones wait in the system's queue.
    public var connections = 4096
    /// Bytes of target and header fields of a request. A larger head is answered 431 before it reaches a route. The limit
    /// of Pawl's own routes is ``PawlConfiguration/maximumHeadSize``.
    public var headerSize = 32 * 1024
    /// Header fields of a request.
    public var headerCount = 100
    /// Bytes of the largest body that is asked for with `100 Continue`. A larger body is left to its route, which should
    /// refuse it.
    public var bodySize = 16 * 1024
    /// From a connection's opening, or the last answer, to the end of the next request's head.
    public var idle: Int64 = 30
    /// From a connection's opening to the end of its first request's head, if that is less.
    public var opening: Int64 = 30
    /// From the end of a request's head to the end of its body.
    public var request: Int64 = 10
    /// From the end of a request to the last byte of its answer.
    public var answer: Int64 = 30
    /// From the last answer on a connection to its close, if the client does not close it first.
    public var linger: Int64 = 2
    /// Bytes that are read and discarded in that time.
    public var lingerSize = 256 * 1024

    /// Makes the default limits.
    public init() {}

    /// For `Application(router:configuration:)`.
    public func configuration(address: BindAddress) -> ApplicationConfiguration {
        ApplicationConfiguration(
            address: address, availableConnectionsDelegate: MaximumAvailableConnections(connections))
    }

    /// For `Application(router:server:)`.
    public var server: HTTPServerBuilder {
        let limits = self
        let crowd = Crowd(limit: connections)
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [DeadlineHandler(limits: limits, crowd: crowd)],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: headerSize, maxHeaderListSize: headerSize, maxHeaderFieldCount: headerCount))
        return HTTPServerBuilder { responder in
            EventLoopChannel(base: HTTP1Channel(responder: responder, configuration: configuration), limits: limits)
        }
    }
}
