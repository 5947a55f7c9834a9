/// Finds passwords that are put together from what attackers try first: common passwords, runs along the keyboard or
/// the alphabet, names of the user and the site, copies of what went before, and a few characters more.
///
/// The least cost of all ways to put a text together is counted in bits, so that each bit doubles the guesses. What costs
/// less than three common passwords do is guessed.
struct GuessedPassword: Sendable {
    private enum Cost {
        /// One of some 19,000 common passwords.
        static let word = 14.0
        static let run = 8.0
        static let year = 7.0
        static let copy = 4.0
        static let name = 4.0
        static let space = 2.0
        static let digit = 3.3
        static let letter = 4.7
        static let other = 5.0
        /// The change of letters into digits and signs.
        static let disguise = 3.0
        static let enough = 40.0
        /// In a short password, parts that are not put together from known ones cost more for each character.
        static let enoughForEach = 2.8
    }

    /// What known parts cost.
    private static let known = Dictionary(CommonPasswords.all.map { ($0, Cost.word) }, uniquingKeysWith: min)
        .merging(runs.map { ($0, Cost.run) }, uniquingKeysWith: min)
        .merging((1900...2039).map { (String($0), Cost.year) }, uniquingKeysWith: min)
    private static let longest = known.keys.lazy.map(\.unicodeScalars.count).max() ?? 0

    private let words: Set<String>
    private let lengths: ClosedRange<Int>

    /// - Parameter words: in lower case; as common as ``CommonPasswords`` here.
    init(words: Set<String>) {
        self.words = words
        lengths = Self.shortest...words.reduce(Self.longest) { max($0, $1.unicodeScalars.count) }
    }

    /// Whether `text`, in lower case, is put together that way.
    /// - Parameter names: what the user is called.
    func contains(_ text: String, of names: Set<String>) -> Bool {
        let limit = min(Cost.enough, Cost.enoughForEach * Double(text.unicodeScalars.count))
        return costsLess(text, than: limit, names)
    }

    /// Compares the least cost, found by that of each beginning of the text. A beginning that costs too much is not gone on
    /// from: of most texts only a few characters are looked at, however long they are (P10).
    private func costsLess(_ text: String, than limit: Double, _ names: Set<String>) -> Bool {
        let scalars = Array(text.unicodeScalars)
        let undisguised = scalars.map { Self.disguises[$0] ?? $0 }
        let copies = Self.copies(in: scalars)
        let names = names.filter { $0.unicodeScalars.count >= Self.shortest }.map { Array($0.unicodeScalars) }
        var least = [0.0] + scalars.map { _ in Double.infinity }
        for (place, scalar) in scalars.enumerated() where least[place] < limit {
            func put(_ length: Int, _ cost: Double) {
                least[place + length] = min(least[place + length], least[place] + cost)
            }
            let rest = scalars[place...]
            put(1, Self.cost(of: scalar))
            if copies[place] >= Self.shortest { put(copies[place], Cost.copy) }
            for name in names where rest.starts(with: name) { put(name.count, Cost.name) }
            for length in lengths.prefix(while: { $0 <= rest.count }) {
                if let cost = cost(ofPart: rest.prefix(length)) { put(length, cost) }
                if let cost = cost(ofPart: undisguised[place..<place + length]) { put(length, cost + Cost.disguise) }
            }
        }
        return least[scalars.count] < limit
    }

    private func cost(ofPart scalars: ArraySlice<Unicode.Scalar>) -> Double? {
        let part = String(String.UnicodeScalarView(scalars))
        return Self.known[part] ?? (words.contains(part) ? Cost.word : nil)
    }

    private static func cost(of scalar: Unicode.Scalar) -> Double {
        switch scalar {
        case " ": Cost.space
        case "0"..."9": Cost.digit
        case "a"..."z": Cost.letter
        default: Cost.other
        }
    }

    /// Shorter parts are not looked for.
    private static let shortest = 3
    /// Copies are looked for as far back as this: the work stays small, whatever the text.
    private static let memory = 64

    /// For each place, the length of the longest text there that also begins a little before.
    private static func copies(in scalars: [Unicode.Scalar]) -> [Int] {
        var longest = scalars.map { _ in 0 }
        for distance in 1...memory {
            var length = 0
            for place in scalars.indices.dropFirst(distance).reversed() {
                length = scalars[place] == scalars[place - distance] ? length + 1 : 0
                longest[place] = max(longest[place], length)
            }
        }
        return longest
    }

    private static let disguises: [Unicode.Scalar: Unicode.Scalar] = [
        "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i",
    ]

    /// All parts of three characters and more of rows and columns of keyboards, the alphabet and the digits, in both
    /// directions.
    private static let runs: Set<String> = {
        let tracks = [
            "`1234567890-=", "~!@#$%^&*()_+", "qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./", "qwertzuiop", "yxcvbnm",
            "azertyuiop", "qsdfghjklm", "wxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
            "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1a2b3c4d5e6f7g8h9i",
            "abcdefghijklmnopqrstuvwxyz", "0123456789",
        ]
        var runs: Set<String> = []
        for track in tracks.map(Array.init) {
            for start in track.indices {
                for end in track.indices.dropFirst(start + shortest - 1) {
                    runs.insert(String(track[start...end]))
                    runs.insert(String(track[start...end].reversed()))
                }
            }
        }
        return runs
    }()
}
