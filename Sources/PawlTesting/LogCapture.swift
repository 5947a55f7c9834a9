public import Logging
import Synchronization

/// Collects all that is logged, from trace upwards, so that a test can search it for secrets.
public final class LogCapture: Sendable {
    private let lines = Mutex<[String]>([])

    /// Makes an empty capture.
    public init() {}

    /// A logger that writes here, from trace upwards.
    public var logger: Logger {
        Logger(label: "test") { _ in Handler(capture: self) }
    }

    /// One line an entry: level, message, error and metadata, as much as any handler could print.
    public var entries: [String] { lines.withLock { $0 } }

    /// Everything, for searching.
    public var text: String { entries.joined(separator: "\n") }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = [metadata, metadataProvider?.get() ?? [:], event.metadata ?? [:]]
                .flatMap { $0.map { "\($0.key)=\($0.value)" } }.sorted().joined(separator: " ")
            let error = event.error.map { " error=\(String(reflecting: $0))" } ?? ""
            capture.lines.withLock { $0.append("\(event.level) \(event.message)\(error) \(all)") }
        }
    }
}
