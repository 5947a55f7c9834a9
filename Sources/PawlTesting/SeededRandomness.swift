package import PawlCore
import Synchronization

/// Random bytes that are the same in every run: a failure can be repeated. Predictable, so for tests alone.
package final class SeededRandomness: Sendable {
    private let generator: Mutex<SplitMix64>

    package init(seed: UInt64 = 1) {
        generator = Mutex(SplitMix64(seed: seed))
    }

    /// What the code under test draws from.
    package var randomness: Randomness {
        Randomness { count in
            self.generator.withLock { generator in
                (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
            }
        }
    }
}

/// Sebastiano Vigna's SplitMix64: one word of state, for choosing test cases.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
