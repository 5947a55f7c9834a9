import Foundation
import Logging
import PawlCore

/// Writes each entry of the log as a line, for people or for machines. swift-log brings none for machines, and its own for
/// people writes as it comes: to a reader that stalls, and line breaks too.
struct LineLogHandler: LogHandler {
    let label: String
    let format: ServeSettings.LogFormat
    let output: LogOutput
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    init(label: String, format: ServeSettings.LogFormat, output: LogOutput) {
        self.label = label
        self.format = format
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (metadataProvider?.get() ?? [:]).merging(metadata) { $1 }.merging(event.metadata ?? [:]) { $1 }
            .mapValues(\.description)
        output.append(line(event.level, event.message.description, fields)) { count in
            line(.warning, "\(count) lines of the log were dropped", [:])
        }
    }

    private func line(_ level: Logger.Level, _ message: String, _ fields: [String: String]) -> [UInt8] {
        switch format {
        case .text:
            // Characters that would break the line, or turn what is beside them, are shown by their numbers.
            let words = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let line = [Date.now.formatted(.iso8601), level.rawValue, "\(label):"] + words + [message]
            return [UInt8](line.joined(separator: " ").unmasked.utf8)
        case .json:
            var object = fields
            object["time"] = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            object["level"] = level.rawValue
            object["label"] = label
            object["message"] = message
            return (try? Self.encoder.encode(object)).map { [UInt8]($0) } ?? []  // strings always encode
        }
    }
}
