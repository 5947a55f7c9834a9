import PawlTesting
import Testing

@testable import PawlCore

// FAULTS F9
@Suite("Passwords that attackers put together", .tags(.p12))
struct GuessedPasswordTests {
    private static let rules = PasswordRules(extraBlocked: ["example.com", "example"])

    private static func refusal(of text: String) throws -> PasswordRules.Refusal? {
        rules.refusal(of: try Password(text).orThrow(), for: try Identifier("maria.lopez@example.com").orThrow())
    }

    /// What rules of password crackers make of lists: of each listed password, by each of the usual ways.
    private static func guesses(of word: String, and other: String) -> [String] {
        let capital = word.prefix(1).uppercased() + word.dropFirst()
        let disguised = String(word.map { ["a": "@", "e": "3", "i": "1", "o": "0", "s": "$"][$0] ?? $0 })
        return [
            word + other, capital + other.uppercased(), word + " " + other, "\(word)-\(other)!", word + word + word,
            capital + "123456789", "\(capital)2024!2024!", "123456" + word + "123456", "\(capital)1985\(word)1985",
            "qwertyuiop" + word, word + "asdfghjkl" + "!!", capital + "!@#$%^&*()", "\(word)abcdefgh\(word)",
            disguised + disguised + "1", "\(disguised)12345678", "\(word)2023\(other)", word + "example.com",
            "maria" + word + "1990", "Lopez\(capital)123!", word + "0987654321" + other,
        ]
    }

    @Test func `three thousand that fit the policy are refused, and the reason is told`() throws {
        let words = CommonPasswords.all.filter { $0.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A } }.sorted()
        var guesses: Set<String> = []
        for place in stride(from: 0, to: words.count - 7, by: words.count / 300) {
            guesses.formUnion(Self.guesses(of: words[place], and: words[place + 7]))
        }
        let fitting = guesses.filter { $0.count >= 15 }
        #expect(fitting.count >= 3000)
        let passed = try fitting.filter { try Self.refusal(of: $0) == nil }
        #expect(passed.isEmpty, "\(passed.count) of \(fitting.count): \(passed.prefix(20))")
    }

    @Test func `listed ones of fifteen characters are refused, repetitions of shorter ones as well`() throws {
        for (number, word) in CommonPasswords.all.sorted().enumerated()
        where word.unicodeScalars.count >= 15 || number.isMultiple(of: 20) {
            let text = word.unicodeScalars.count >= 15 ? word : String(repeating: word, count: 15 / word.count + 1)
            #expect(try Self.refusal(of: text) == .common, "\(word)")
        }
    }

    @Test(arguments: [
        "Password123456!!", "P@ssw0rdP@ssw0rd", "1qaz2wsx3edc4rfv5tgb", "qwertyuiopasdfghjkl", "zaq12wsxcde34rfv",
        "abcdefghijklmnopqrstuvwxyz", "123456789012345", "147258369147258369", "iloveyouforever",
        "Summer2024Summer2024",
        "September2024!!", "letmeinletmein!", "xkcdqxkcdqxkcdqxkcdq", "example.com2024!", "ExampleExample1",
        "йцукенйцукенйцукен",
    ])
    func `the famous ones are refused`(text: String) throws {
        #expect(try Self.refusal(of: text) == .common)
    }

    @Test(arguments: ["maria.lopez2024", "Lopez, Maria 1985", "maria.lopez@example.com!"])
    func `the user's own name and little more is refused for that reason`(text: String) throws {
        #expect(try Self.refusal(of: text) == .containsIdentifier)
    }

    @Test(arguments: [
        "correct horse battery", "correct horse battery staple", "wrong donkey capacitor", "seven wet mice under a hat",
        "ratchets turn one way only", "we live by the sea", "my dog has fleas", "I love my kitty",
        "the cat sat on the mat",
        "a quiet river bends twice", "purple monkey dishwasher", "my butterfly garden", "kfjwheurnvbghty",
        "x7#Kq!v9Lm$2pRz", "november rain and tea", "meine Oma fährt Motorrad", "два слона на крыше",
        "床前明月光疑是地上霜舉頭望明月低頭",
        "maria likes green tea", "lopez is not my password",
    ])
    func `a few words of one's own are good`(text: String) throws {
        #expect(try Self.refusal(of: text) == nil)
    }

    @Test(arguments: [
        ("abcdefghijklmnopqrstuvwxyz", 15), ("0123456789", 20), ("abcdefghijklmnopqrstuvwxyz0123456789", 15),
    ])
    func `random characters are good`(alphabet: String, count: Int) throws {
        var generator = SplitMix64(seed: 7)
        for _ in 0..<500 {
            let text = String((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "?" })
            #expect(try Self.refusal(of: text) == nil, "\(text)")
        }
    }
}
