import NIOCore

/// Latencies in constant space, however long the run: a bucket for every microsecond up to 128, then 64 buckets to each
/// doubling, so that a percentile is at most 1.6 % too high.
struct LatencyHistogram: Sendable {
    private static let exact = 128
    private static let perDoubling = 64
    /// Twelve days, in microseconds.
    private static let limit = 1 << 40

    private var counts = [Int](repeating: 0, count: index(of: limit) + 1)
    private(set) var count = 0
    private(set) var maximum = 0

    mutating func record(_ latency: TimeAmount) {
        let microseconds = min(max(0, Int(latency.nanoseconds / 1000)), Self.limit)
        counts[Self.index(of: microseconds)] += 1
        count += 1
        maximum = max(maximum, microseconds)
    }

    mutating func merge(_ other: Self) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    /// Microseconds that `share` of all latencies did not exceed.
    func percentile(_ share: Double) -> Int {
        let rank = Int((share * Double(count)).rounded(.up))
        var seen = 0
        for (index, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= rank { return min(Self.upperBound(of: index), maximum) }
        }
        return maximum
    }

    /// Beyond the exact ones, a bucket is the value's seven leading bits and how far they are shifted.
    private static func index(of value: Int) -> Int {
        guard value >= exact else { return value }
        let shift = Int.bitWidth - value.leadingZeroBitCount - 7
        return exact + (shift - 1) * perDoubling + (value >> shift) - perDoubling
    }

    private static func upperBound(of index: Int) -> Int {
        guard index >= exact else { return index }
        let (shift, rest) = (index - exact).quotientAndRemainder(dividingBy: perDoubling)
        return (rest + perDoubling + 1) << (shift + 1) - 1
    }
}
