import Foundation
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A JSON object a line, for machines: `time`, `level`, `label`, `message`, then the metadata. swift-log brings none.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Whether the last line went out in part. One at a time writes, so lines do not mix.
    private static let isTorn = Mutex(false)

    /// `write(2)`, because `FileHandle` traps when a disk is full or a reader has gone, and losing a line is better than
    /// losing the server.
    private static func emit(_ line: [UInt8]) {
        isTorn.withLock { isTorn in
            var rest = (isTorn ? [newline] : []) + line
            let whole = rest.count
            while !rest.isEmpty {
                let written = unsafe rest.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { break }
                rest.removeFirst(written)
            }
            isTorn = !rest.isEmpty && (isTorn || rest.count < whole)
        }
    }

    private static let newline = UInt8(ascii: "\n")

    func log(event: LogEvent) {
        var fields: [String: String] = [:]
        for (key, value) in metadataProvider?.get() ?? [:] { fields[key] = value.description }
        for (key, value) in metadata { fields[key] = value.description }
        for (key, value) in event.metadata ?? [:] { fields[key] = value.description }
        fields["time"] = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        fields["level"] = event.level.rawValue
        fields["label"] = label
        fields["message"] = event.message.description
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let line = try? encoder.encode(fields) else { return }  // strings always encode
        Self.emit([UInt8](line) + [Self.newline])
    }
}
