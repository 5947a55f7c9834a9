public import Hummingbird
public import HummingbirdCore
import NIOCore

/// What a client may cost: sizes in bytes, times in seconds. Hummingbird's own idle time-out is off by default and
/// renewed by every byte, so a slow client could hold a connection for ever.
public struct HTTPLimits: Sendable {
    /// Connections at once; more wait in the system's queue. Keep it under the limit of open files.
    public var connections = 4096
    /// All header fields of a request.
    public var headerSize = 16 * 1024
    public var headerCount = 100
    /// From a connection's opening, or the last answer, to the end of the next request's head.
    public var idle: Int64 = 30
    /// From the end of a request's head to the end of its body.
    public var request: Int64 = 10
    /// From the end of a request to the last byte of its answer.
    public var answer: Int64 = 30

    public init() {}

    /// For `Application(router:configuration:)`.
    public func configuration(address: BindAddress) -> ApplicationConfiguration {
        ApplicationConfiguration(
            address: address, availableConnectionsDelegate: MaximumAvailableConnections(connections))
    }

    /// For `Application(router:server:)`.
    public var server: HTTPServerBuilder {
        let limits = self
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [DeadlineHandler(limits: limits)],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: headerSize, maxHeaderListSize: headerSize, maxHeaderFieldCount: headerCount))
        return HTTPServerBuilder { responder in
            EventLoopChannel(base: HTTP1Channel(responder: responder, configuration: configuration))
        }
    }
}
