import NIOCore
import NIOPosix
import Synchronization

/// A proxy of TCP connections on the loopback address that can be cut where it hurts.
package final class Proxy: Sendable {
    package enum Moment: Sendable {
        /// What comes next from a client is swallowed, and its connection cut.
        case beforeRequest
        /// What a server answers next is swallowed, and the connection cut: the client cannot know what happened.
        case beforeAnswer
    }

    fileprivate struct State {
        var cut: Moment?
        var goesDown = false
        var isDown = false
        var channels: [ObjectIdentifier: any Channel] = [:]
        var cuts = 0
        /// Clients whose request has no answer yet.
        var asking: Set<ObjectIdentifier> = []
        var roundTrips = 0
    }

    package let port: Int
    private let listener: any Channel
    fileprivate let state: Mutex<State>

    package init(to target: Int) async throws {
        let shared = SharedState()
        let group = MultiThreadedEventLoopGroup.singleton
        listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                let isDown = shared.proxy.withLock { $0?.isDown ?? true }
                guard !isDown else { return client.close() }
                return ClientBootstrap(group: client.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMap { server in
                        guard let proxy = shared.proxy.withLock({ $0 }) else { return client.close() }
                        return client.pipeline.addHandler(Glue(to: server, proxy, .beforeRequest)).flatMap {
                            server.pipeline.addHandler(Glue(to: client, proxy, .beforeAnswer))
                        }.flatMap {
                            client.setOption(.autoRead, value: true)
                        }.flatMap {
                            server.setOption(.autoRead, value: true)
                        }
                    }
                    .flatMapError { _ in client.close() }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
        state = Mutex(State())
        shared.proxy.withLock { $0 = self }
    }

    /// From now on, once.
    /// - Parameter goesDown: whether all connections end with that one, and none are taken any more.
    package func cut(_ moment: Moment, goesDown: Bool = false) {
        state.withLock { state in
            state.cut = moment
            state.goesDown = goesDown
        }
    }

    /// How often it has cut.
    package var cuts: Int { state.withLock { $0.cuts } }

    /// How often a client has waited for an answer.
    package var roundTrips: Int { state.withLock { $0.roundTrips } }

    /// Ends all connections, and takes no more.
    package func down() async throws {
        let channels = state.withLock { state in
            state.isDown = true
            return Array(state.channels.values)
        }
        for channel in channels { try? await channel.close() }  // it may have closed by itself
    }

    package func up() { state.withLock { $0.isDown = false } }

    package var isDown: Bool { state.withLock { $0.isDown } }

    package func close() async throws {
        try await down()
        try await listener.close()
    }

    /// - Returns: the connections to cut now.
    fileprivate func takeCut(_ moment: Moment, _ pair: [any Channel]) -> [any Channel] {
        state.withLock { state in
            guard state.cut == moment else { return [] }
            state.cut = nil
            state.cuts += 1
            state.isDown = state.goesDown
            return state.goesDown ? Array(state.channels.values) : pair
        }
    }

    fileprivate func count(_ moment: Moment, _ client: any Channel) {
        state.withLock { state in
            switch moment {
            case .beforeRequest: if state.asking.insert(ObjectIdentifier(client)).inserted { state.roundTrips += 1 }
            case .beforeAnswer: state.asking.remove(ObjectIdentifier(client))
            }
        }
    }

    /// The proxy, for connections that come before it is made.
    private final class SharedState: Sendable {
        let proxy = Mutex<Proxy?>(nil)
    }
}

/// Passes on what comes, to the other side.
private final class Glue: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let peer: any Channel
    private let proxy: Proxy
    private let moment: Proxy.Moment

    init(to peer: any Channel, _ proxy: Proxy, _ moment: Proxy.Moment) {
        self.peer = peer
        self.proxy = proxy
        self.moment = moment
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        proxy.state.withLock { $0.channels[ObjectIdentifier(channel)] = channel }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let cut = proxy.takeCut(moment, [context.channel, peer])
        for channel in cut { channel.close(promise: nil) }
        proxy.count(moment, moment == .beforeRequest ? context.channel : peer)
        if cut.isEmpty { peer.writeAndFlush(unwrapInboundIn(data), promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let channel = context.channel
        proxy.state.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
        peer.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
