import CoreMetrics
import Metrics
import Synchronization

/// What the operating system says of a process.
package struct ProcessState: Sendable {
    let residentBytes: Int64
    let openFiles: Int64
    let maximumFiles: Int64
    /// Since 1970.
    let startSeconds: Double
    let cpuSeconds: Double

    package init(
        residentBytes: Int64, openFiles: Int64, maximumFiles: Int64, startSeconds: Double, cpuSeconds: Double
    ) {
        self.residentBytes = residentBytes
        self.openFiles = openFiles
        self.maximumFiles = maximumFiles
        self.startSeconds = startSeconds
        self.cpuSeconds = cpuSeconds
    }
}

/// The names that Prometheus' own clients give it.
final class ProcessMeters: Sendable {
    private let resident: Meter
    private let openFiles: Meter
    private let maximumFiles: Meter
    private let start: Meter
    private let cpu: FloatingPointCounter
    private let countedCPU = Mutex(0.0)

    init(_ factory: any MetricsFactory) {
        resident = Meter(label: "process_resident_memory_bytes", factory: factory)
        openFiles = Meter(label: "process_open_fds", factory: factory)
        maximumFiles = Meter(label: "process_max_fds", factory: factory)
        start = Meter(label: "process_start_time_seconds", factory: factory)
        cpu = FloatingPointCounter(label: "process_cpu_seconds_total", factory: factory)
    }

    func set(_ state: ProcessState) {
        resident.set(state.residentBytes)
        openFiles.set(state.openFiles)
        maximumFiles.set(state.maximumFiles)
        start.set(state.startSeconds)
        let used = countedCPU.withLock { counted in
            defer { counted = max(counted, state.cpuSeconds) }
            return state.cpuSeconds - counted
        }
        if used > 0 { cpu.increment(by: used) }
    }
}
