#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension WallClock {
    /// The machine's wall clock.
    public static let system = WallClock {
        UnixTime(seconds: Int64(Date().timeIntervalSince1970))
    } uptime: {
        (ContinuousClock.now - start).components.seconds
    }

    private static let start = ContinuousClock.now
}
