import Foundation
import Logging
import PawlCore

/// A line for people: time, level, label, the metadata, the message. Characters that would break the line, or turn what is
/// beside them, are shown by their numbers: a path may hold them, or a client's text.
struct TextLogHandler: LogHandler {
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
        let fields = (metadataProvider?.get() ?? [:]).merging(metadata) { $1 }.merging(event.metadata ?? [:]) { $1 }
        let words = fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        output.append(line(event.level, words + ["\(event.message)"])) {
            line(.warning, ["\($0) lines of the log were dropped"])
        }
    }

    private func line(_ level: Logger.Level, _ words: [String]) -> [UInt8] {
        let words = [Date.now.formatted(.iso8601), level.rawValue, "\(label):"] + words
        return [UInt8](words.joined(separator: " ").unmasked.utf8)
    }
}
