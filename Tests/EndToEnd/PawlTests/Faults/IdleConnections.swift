import NIOCore
import NIOPosix

/// Connections whose clients mean no good: each sends what it is told to, and then a little more every two seconds,
/// or nothing.
enum IdleConnections {
    struct Habit: Sendable {
        /// What is sent at once.
        var opening = ""
        /// What follows for as long as the connection lives.
        var dribble: String?
        var isReading = true
    }

    /// Connections that were made; those that are not accepted wait in the system's queue.
    static func open(_ count: Int, port: Int, _ habit: Habit = Habit()) async throws -> [any Channel] {
        try await withThrowingTaskGroup(of: (any Channel).self) { group in
            for _ in 0..<count { group.addTask { try await open(port, habit) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    static func close(_ channels: [any Channel]) async {
        for channel in channels { try? await channel.close() }  // the server may have closed it
    }

    private static func open(_ port: Int, _ habit: Habit) async throws -> any Channel {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: habit.isReading)
            .channelOption(.socketOption(.so_rcvbuf), value: 4096)
            .connect(host: "127.0.0.1", port: port).get()
        // Whether the server takes it is the server's affair.
        channel.writeAndFlush(ByteBuffer(string: habit.opening), promise: nil)
        if let dribble = habit.dribble {
            let more = channel.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(2), delay: .seconds(2)) { _ in
                channel.writeAndFlush(ByteBuffer(string: dribble), promise: nil)
            }
            channel.closeFuture.whenComplete { _ in more.cancel() }
        }
        return channel
    }
}
