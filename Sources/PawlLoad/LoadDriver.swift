import NIOCore
import NIOPosix
import PawlTerminal
import Synchronization

/// All connections to one target, on one event loop: one thread carries some ten thousand requests a second, and with a
/// second one the driver would only take the server's cores.
struct LoadDriver: Sendable {
    let loop: any EventLoop
    private let lanes: NIOLoopBound<[Lane]>
    private let stop: StopSign

    static func connect(to target: BenchTarget, lanes count: Int, stop: StopSign) async throws -> Self {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let lanes = try await loop.submit {
            NIOLoopBound((0..<count).map { Lane(index: $0, target: target, loop: loop) }, eventLoop: loop)
        }.get()
        do {
            try await loop.flatSubmit {
                EventLoopFuture.andAllSucceed(lanes.value.map { $0.connect() }, on: loop)
            }.get()
        } catch {
            throw CommandError(
                """
                \(count) connections to \(target) cannot be opened. Does pawl serve run with this --port, and do both \
                processes have enough file descriptors (ulimit -n)?
                """)
        }
        return Self(loop: loop, lanes: lanes, stop: stop)
    }

    /// Puts something where the lanes are, to be touched only there.
    func place<Value>(_ make: @escaping @Sendable () -> Value) async throws -> NIOLoopBound<Value> {
        let loop = loop
        return try await loop.submit { NIOLoopBound(make(), eventLoop: loop) }.get()
    }

    /// Runs a workload. It can be run again and goes on where it was.
    func run(
        _ workload: NIOLoopBound<some Workload>, limit: LoadRun.Limit, respectsRetryAfter: Bool = true,
        progress: ProgressLine
    ) async throws -> Measurement {
        let (loop, lanes, stop) = (loop, lanes, stop)
        return try await loop.flatSubmit {
            let done = loop.makePromise(of: Measurement.self)
            LoadRun(
                workload.value, on: lanes.value, limit: limit, respectsRetryAfter: respectsRetryAfter,
                progress: progress, stop: stop, done: done
            ).begin(on: loop)
            return done.futureResult
        }.get()
    }
}

/// Set once, seen by all: the user of the driver wants it to end.
final class StopSign: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}
