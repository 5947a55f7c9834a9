import Foundation
import Logging

/// A JSON object a line, for machines: `time`, `level`, `label`, `message`, then the metadata. swift-log brings none.
struct JSONLogHandler: LogHandler {
    let label: String
    let output: LogOutput
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields: [String: String] = [:]
        for (key, value) in metadataProvider?.get() ?? [:] { fields[key] = value.description }
        for (key, value) in metadata { fields[key] = value.description }
        for (key, value) in event.metadata ?? [:] { fields[key] = value.description }
        guard let line = line(event.level, "\(event.message)", fields) else { return }  // strings always encode
        output.append(line) { self.line(.warning, "\($0) lines of the log were dropped", [:]) ?? [] }
    }

    private func line(_ level: Logger.Level, _ message: String, _ fields: [String: String]) -> [UInt8]? {
        var fields = fields
        fields["time"] = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        fields["level"] = level.rawValue
        fields["label"] = label
        fields["message"] = message
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(fields)).map { [UInt8]($0) }
    }
}
