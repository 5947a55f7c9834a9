import Foundation

/// What a measurement prints: a table for people, or one JSON object.
struct BenchReport: Encodable {
    /// One line of the table.
    struct Line: Encodable {
        let what: String
        let requests: Int
        let good: Int
        let seconds: Double
        /// Good answers a second.
        let rate: Double
        let p50Ms: Double
        let p95Ms: Double
        let p99Ms: Double
        let maxMs: Double
        let faults: [String: Int]
        let faultSamples: [String]
        let driverMicrosecondsPerRequest: Double

        init(_ what: String, _ measurement: Measurement) {
            func milliseconds(_ share: Double) -> Double { Double(measurement.latencies.percentile(share)) / 1000 }
            self.what = what
            requests = measurement.requests
            good = measurement.good
            seconds = measurement.seconds
            rate = measurement.rate
            p50Ms = milliseconds(0.5)
            p95Ms = milliseconds(0.95)
            p99Ms = milliseconds(0.99)
            maxMs = Double(measurement.latencies.maximum) / 1000
            faults = measurement.faults
            faultSamples = measurement.samples
            driverMicrosecondsPerRequest =
                requests > 0 ? Double(measurement.processorMicroseconds) / Double(requests) : 0
        }
    }

    let target: String
    let connections: Int
    let sessions: Int?
    let attempts: Bool?
    let lines: [Line]
    /// The first line's rate by the second one's.
    let ratio: Double?
    let interrupted: Bool

    init(
        target: BenchTarget, connections: Int, sessions: Int? = nil, attempts: Bool? = nil, lines: [Line],
        interrupted: Bool
    ) {
        self.target = target.description
        self.connections = connections
        self.sessions = sessions
        self.attempts = attempts
        self.lines = lines
        ratio = lines.count == 2 && lines[1].rate > 0 ? lines[0].rate / lines[1].rate : nil
        self.interrupted = interrupted
    }

    func show(asJSON: Bool) throws {
        guard asJSON else { return print(table) }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(self), as: UTF8.self))
    }

    private var table: String {
        let width = max(lines.map(\.what.count).max() ?? 0, "refresh/baseline".count)
        func row(_ name: String, _ cells: [String]) -> String {
            name.padded(to: width) + cells.map { $0.padded(to: 10, left: true) }.joined()
        }
        var rows = [row("", ["requests", "seconds", "good/s", "p50 ms", "p95 ms", "p99 ms", "max ms"])]
        for line in lines {
            let latencies = [line.p50Ms, line.p95Ms, line.p99Ms, line.maxMs].map { line.good > 0 ? $0.text(2) : "–" }
            rows.append(
                row(line.what, [Double(line.requests).text(0), line.seconds.text(2), line.rate.text(0)] + latencies))
        }
        if let ratio { rows.append(row("refresh/baseline", ["", "", ratio.text(2)])) }
        for line in lines where !line.faults.isEmpty {
            rows.append("\nNot a good answer to \(line.what):")
            for (fault, count) in line.faults.sorted(by: { $0.key < $1.key }) {
                rows.append(row("  \(fault)", [Double(count).text(0)]))
            }
            rows.append("The first: \(line.faultSamples.joined(separator: ", "))")
        }
        let driver = lines.map { "\($0.driverMicrosecondsPerRequest.text(0)) µs" }.joined(separator: " and ")
        rows.append("\nThe driver itself took \(driver) of processor time a request.")
        if interrupted { rows.append("Interrupted: this is what was measured until then.") }
        return rows.joined(separator: "\n")
    }
}

extension Double {
    fileprivate func text(_ digits: Int) -> String {
        formatted(.number.precision(.fractionLength(digits)).locale(Locale(identifier: "en_US")))
    }
}

extension String {
    fileprivate func padded(to width: Int, left: Bool = false) -> String {
        let space = String(repeating: " ", count: max(left ? 1 : 0, width - count))
        return left ? space + self : self + space
    }
}
