public import CoreMetrics
import Synchronization

/// Collects swift-metrics and writes them in Prometheus' text format. Ours because no exporter is among the packages
/// that Pawl builds on; passed in where it is wanted, never bootstrapped for the whole process.
public final class PrometheusRegistry: MetricsFactory {
    private struct Family {
        let type: String
        var series: [String: any Series] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    /// Upper bounds of a histogram's buckets.
    private enum Buckets {
        static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
        static let counts = [1.0, 2, 4, 8, 16, 32, 64, 128, 256]
    }

    /// Makes an empty registry.
    public init() {}

    /// All metrics, as `text/plain; version=0.0.4`.
    public func text() -> String {
        let families = families.withLock { $0 }
        var lines: [String] = []
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            lines.append("# TYPE \(name) \(family.type)")
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                lines += series.lines(name, labels)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func series<Kind: Series>(
        _ label: String, _ dimensions: [(String, String)], _ type: String, _ make: () -> Kind
    ) -> Kind {
        let labels = dimensions.map { "\($0.0)=\"\(Self.escape($0.1))\"" }.joined(separator: ",")
        return families.withLock { families in
            if let known = families[label]?.series[labels] as? Kind { return known }
            let fresh = make()
            families[label, default: Family(type: type)].series[labels] = fresh
            return fresh
        }
    }

    private static func escape(_ value: String) -> String {
        value.flatMap { character -> String in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.map(String.init).joined()
    }

    /// Makes a counter, for swift-metrics.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, "counter") { Number() }
    }

    /// Makes a counter of fractions, for swift-metrics.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, "counter") { Number() }
    }

    /// Makes a gauge, for swift-metrics.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, "gauge") { Number() }
    }

    /// Makes a histogram, for swift-metrics.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, "histogram") { Histogram(bounds: Buckets.counts, unit: 1) }
    }

    /// Makes a histogram of seconds, for swift-metrics.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, "histogram") { Histogram(bounds: Buckets.seconds, unit: 1e9) }
    }

    // Handlers live as long as the registry: a series that vanished and came back would look like a restart.
    /// Does nothing: what was counted stays.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// Does nothing: what was counted stays.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    /// Does nothing: what was measured stays.
    public func destroyMeter(_ handler: any MeterHandler) {}
    /// Does nothing: what was recorded stays.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Does nothing: what was timed stays.
    public func destroyTimer(_ handler: any TimerHandler) {}
}

/// One set of labels of a family.
private protocol Series: AnyObject, Sendable {
    func lines(_ name: String, _ labels: String) -> [String]
}

/// A counter or a gauge.
private final class Number: Series, CounterHandler, FloatingPointCounterHandler, MeterHandler {
    private let value = Mutex(0.0)

    func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func set(_ value: Int64) { self.value.withLock { $0 = Double(value) } }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func reset() { value.withLock { $0 = 0 } }

    func lines(_ name: String, _ labels: String) -> [String] {
        ["\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(format(value.withLock { $0 }))"]
    }
}

private final class Histogram: Series, RecorderHandler, TimerHandler {
    private struct State {
        /// One more than there are bounds: the last is beyond them all.
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    /// What a recorded number is divided by.
    private let unit: Double
    private let state: Mutex<State>

    init(bounds: [Double], unit: Double) {
        self.bounds = bounds
        self.unit = unit
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }

    func record(_ value: Double) {
        let value = value / unit
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func lines(_ name: String, _ labels: String) -> [String] {
        let state = state.withLock { $0 }
        let prefix = labels.isEmpty ? "" : labels + ","
        var total: UInt64 = 0
        var lines: [String] = []
        for (bound, count) in zip(bounds.map(format) + ["+Inf"], state.counts) {
            total += count
            lines.append("\(name)_bucket{\(prefix)le=\"\(bound)\"} \(total)")
        }
        let suffix = labels.isEmpty ? "" : "{\(labels)}"
        return lines + ["\(name)_sum\(suffix) \(format(state.sum))", "\(name)_count\(suffix) \(total)"]
    }
}

private func format(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
}
