import Foundation
import NIOCore
import NIOHTTP1
import PawlTerminal

/// One workload on all lanes, from the first request to the last answer. Lives on the driver's event loop.
final class LoadRun {
    enum Limit {
        case time(TimeAmount)
        /// Until the workload is done, or nothing has succeeded for so long.
        case patience(TimeAmount)
    }

    let workload: any Workload
    let head: HTTPRequestHead
    /// Whether a lane that is told to come again later does.
    let respectsRetryAfter: Bool

    private let stop: StopSign
    private let start = NIODeadline.now()
    private let processorStart = clock()
    private let patience: TimeAmount?
    private var deadline: NIODeadline
    private var measurement = Measurement()
    private var lastAnswer: NIODeadline
    private var progress: ProgressLine
    private var working: [Lane]
    private var lanesLeft: Int
    private let done: EventLoopPromise<Measurement>

    init(
        _ workload: any Workload, on lanes: [Lane], limit: Limit, respectsRetryAfter: Bool, progress: ProgressLine,
        stop: StopSign, done: EventLoopPromise<Measurement>
    ) {
        self.workload = workload
        self.respectsRetryAfter = respectsRetryAfter
        self.progress = progress
        self.stop = stop
        self.done = done
        head = HTTPRequestHead(version: .http1_1, method: workload.method, uri: "/")
        working = lanes
        lanesLeft = lanes.count
        lastAnswer = start
        switch limit {
        case .time(let time):
            deadline = start + time
            patience = nil
        case .patience(let time):
            deadline = start + time
            patience = time
        }
    }

    func begin(on loop: any EventLoop) {
        for lane in working { lane.begin(self) }
        watch(on: loop)
    }

    /// Requests in flight are waited for even then: their answers hold the sessions' next tokens.
    func isOver(at now: NIODeadline) -> Bool { now >= deadline || stop.isSet }

    func succeed(after latency: TimeAmount, at now: NIODeadline) {
        measurement.succeed(after: latency)
        lastAnswer = now
        if let patience { deadline = now + patience }
    }

    func fail(_ fault: String, code: String? = nil, at now: NIODeadline = .now()) {
        measurement.fail(fault, code: code)
        lastAnswer = now
    }

    func finishLane() {
        lanesLeft -= 1
        guard lanesLeft == 0 else { return }
        progress.end()
        measurement.end(after: lastAnswer - start, processorMicroseconds: Int(clock() - processorStart))
        done.succeed(measurement)
    }

    /// Looks after late answers and says how far things are.
    private func watch(on loop: any EventLoop) {
        guard lanesLeft > 0 else { return }
        let now = NIODeadline.now()
        for lane in working { lane.check(at: now) }
        progress.show(good: measurement.good, elapsed: now - start)
        loop.assumeIsolated().scheduleTask(in: .milliseconds(250)) { self.watch(on: loop) }
    }
}
