#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension UnixTime {
    /// As people and JSON write it: UTC, to the second.
    package var rfc3339: String { Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601) }

    /// - Returns: nil if `text` is no such time.
    package init?(rfc3339 text: String) {
        guard let date = try? Date(text, strategy: .iso8601) else { return nil }  // not an RFC 3339 time
        self.init(seconds: Int64(date.timeIntervalSince1970))
    }
}
