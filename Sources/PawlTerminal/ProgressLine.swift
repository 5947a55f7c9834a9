import Foundation
package import NIOCore

/// How far a run is, on standard error: one line, written over and over on a terminal. Elsewhere a line for every tenth
/// of what can take hours, and none for what has a set time.
package struct ProgressLine: Sendable {
    package enum Goal {
        case answers(Int)
        case time(TimeAmount)
    }

    package let title: String
    package let goal: Goal
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var tenths = 0

    package init(_ title: String, goal: Goal) {
        self.title = title
        self.goal = goal
    }

    package mutating func show(good: Int, elapsed: TimeAmount) {
        let seconds = Double(elapsed.nanoseconds) / 1e9
        let rate = seconds > 0 ? Double(good) / seconds : 0
        let line: String
        switch goal {
        case .answers(let wanted):
            guard isTerminal || good * 10 / wanted > tenths else { return }
            tenths = good * 10 / wanted
            let left = good > 0 ? ", about \(Self.time(Double(wanted - good) / rate)) left" : ""
            line = "\(title): \(good) of \(wanted)\(left)"
        case .time(let time):
            guard isTerminal else { return }
            line = "\(title): \(Int(seconds)) of \(Self.time(Double(time.nanoseconds) / 1e9)), \(Int(rate))/s"
        }
        write(isTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n")
    }

    /// Leaves the terminal's line to whatever comes next.
    package func end() { if isTerminal { write("\r\u{1B}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    private static func time(_ seconds: Double) -> String {
        switch Int(seconds.rounded(.up)) {
        case let seconds where seconds < 120: "\(seconds) s"
        case let seconds where seconds < 7200: "\(seconds / 60) min"
        case let seconds: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        }
    }
}
