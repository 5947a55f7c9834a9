/// A moment, in whole seconds since 1970: the resolution of every rule here and of JWT's NumericDate (RFC 7519 §2).
package struct UnixTime: Hashable, Comparable, Sendable, Codable {
    package var seconds: Int64

    package init(seconds: Int64) {
        self.seconds = seconds
    }

    /// A plain number.
    package init(from decoder: any Decoder) throws {
        seconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(seconds)
    }

    package static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }
    package static func + (left: Self, seconds: Int64) -> Self { Self(seconds: left.seconds + seconds) }
    package static func - (left: Self, seconds: Int64) -> Self { Self(seconds: left.seconds - seconds) }

    /// Seconds from `earlier` to this moment. Two machines' clocks differ; a negative age counts as zero.
    package func age(since earlier: Self) -> Int64 { max(0, seconds - earlier.seconds) }
}

/// Where the time comes from. Tests turn theirs by hand.
public struct WallClock: Sendable {
    private let read: @Sendable () -> UnixTime
    private let readUptime: @Sendable () -> Int64

    /// A clock that nobody sets: all time that passes on it has passed.
    package init(_ read: @escaping @Sendable () -> UnixTime) {
        self.init(read) { read().seconds }
    }

    /// - Parameters:
    ///   - read: the time, which may jump when somebody sets the clock.
    ///   - uptime: seconds since any moment on a clock that nobody can set.
    package init(_ read: @escaping @Sendable () -> UnixTime, uptime: @escaping @Sendable () -> Int64) {
        self.read = read
        readUptime = uptime
    }

    package var now: UnixTime { read() }
    /// Seconds since some moment, on a clock that nobody can set: shows whether the time has jumped.
    package var uptime: Int64 { readUptime() }
}
