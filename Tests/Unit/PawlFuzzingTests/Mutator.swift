import PawlTesting

/// Makes inputs of others, the same ones in every run: libFuzzer's mutations without its feedback.
struct Mutator {
    private let corpus: [[UInt8]]
    private let longest: Int
    private var generator: SplitMix64

    init(corpus: [[UInt8]], longest: Int, seed: UInt64) {
        self.corpus = corpus
        self.longest = longest
        generator = SplitMix64(seed: seed)
    }

    mutating func next() -> [UInt8] {
        var input = corpus[below(corpus.count)]
        for _ in 0...below(4) { mutate(&input) }
        return Array(input.prefix(longest))
    }

    /// Quicker than an unbiased choice, and good enough for choosing test cases.
    private mutating func below(_ bound: Int) -> Int { Int(generator.next() >> 32) % max(1, bound) }

    private mutating func mutate(_ input: inout [UInt8]) {
        let place = below(input.count)
        guard !input.isEmpty else {
            input.append(UInt8(below(256)))
            return
        }
        switch below(7) {
        case 0: input[place] ^= 1 << UInt8(below(8))
        case 1: input[place] = UInt8(below(256))
        case 2: input[place] = [UInt8](#"{}[]",:\0u- eE."#.utf8)[below(15)]
        case 3: input.insert(UInt8(below(256)), at: place)
        case 4: input.removeSubrange(place..<min(input.count, place + 1 + below(8)))
        case 5: input.insert(contentsOf: input[place..<min(input.count, place + 1 + below(16))], at: below(input.count))
        default: input.replaceSubrange(place..., with: corpus[below(corpus.count)].dropFirst(place))
        }
    }
}
