import NIOCore

/// What a run found out.
struct Measurement: Sendable {
    /// Of the requests that were answered as they should be.
    private(set) var latencies = LatencyHistogram()
    /// How many of the others there were, by status or by what was wrong.
    private(set) var faults: [String: Int] = [:]
    /// The first few of them with the code that the server gave.
    private(set) var samples: [String] = []
    private(set) var nanoseconds: Int64 = 0
    /// What this process took of the processors.
    private(set) var processorMicroseconds = 0

    private static let sampleLimit = 5

    var good: Int { latencies.count }
    var faulty: Int { faults.values.reduce(0, +) }
    var requests: Int { good + faulty }
    var seconds: Double { Double(nanoseconds) / 1e9 }
    var rate: Double { nanoseconds > 0 ? Double(good) / seconds : 0 }

    mutating func succeed(after latency: TimeAmount) { latencies.record(latency) }

    mutating func fail(_ fault: String, code: String? = nil) {
        faults[fault, default: 0] += 1
        if samples.count < Self.sampleLimit { samples.append(code.map { "\(fault) \($0)" } ?? fault) }
    }

    mutating func end(after time: TimeAmount, processorMicroseconds: Int) {
        nanoseconds = time.nanoseconds
        self.processorMicroseconds = processorMicroseconds
    }

    /// Adds another round.
    mutating func merge(_ other: Self) {
        latencies.merge(other.latencies)
        faults.merge(other.faults, uniquingKeysWith: +)
        samples = Array((samples + other.samples).prefix(Self.sampleLimit))
        nanoseconds += other.nanoseconds
        processorMicroseconds += other.processorMicroseconds
    }
}
