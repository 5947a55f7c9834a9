import Hummingbird
import Logging
import NIOCore
import NIOPosix
import PawlCore
import PawlGuard
import PawlServer
import PawlTesting
import ServiceLifecycle

/// A port that is free now.
func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
}

/// Any application on a free port, for as long as `body` takes.
func withApplication<Context: RequestContext, Result: Sendable>(
    _ router: Router<Context>, port: Int = 0, limits: HTTPLimits = HTTPLimits(), services: [any Service] = [],
    _ body: @Sendable (TestAPI) async throws -> Result
) async throws -> Result where Context.Source == ApplicationRequestContextSource {
    let (ports, announce) = AsyncStream<Int>.makeStream()
    let logger = LogCapture().logger
    let application = Application(
        router: router, server: limits.server,
        configuration: limits.configuration(address: .hostname("127.0.0.1", port: port)), services: services,
        onServerRunning: { announce.yield($0.localAddress?.port ?? 0) }, logger: logger)
    let group = ServiceGroup(services: [application], logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let api = TestAPI(port: await iterator.next() ?? 0)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(api))
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return try result.get()
    }
}
