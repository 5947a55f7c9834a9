import Logging
import Synchronization

/// The level of all loggers, which a reload changes.
final class LogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    init(_ level: Logger.Level) {
        self.level = Mutex(level)
    }

    var now: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

/// Keeps to the level in force. A logger's own level can only make it quieter.
struct ReloadableLogHandler: LogHandler {
    private var handler: any LogHandler
    private let level: LogLevel
    private var quietest = Logger.Level.trace

    init(_ handler: any LogHandler, level: LogLevel) {
        self.handler = handler
        self.level = level
    }

    var logLevel: Logger.Level {
        get { max(quietest, level.now) }
        set { quietest = newValue }
    }
    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }
    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { handler.log(event: event) }
}
