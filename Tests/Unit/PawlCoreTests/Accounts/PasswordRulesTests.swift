import PawlTesting
import Testing

@testable import PawlCore

@Suite("Passwords", .tags(.p12))
struct PasswordRulesTests {
    private static let long = String(repeating: "x", count: 100)

    @Test(
        arguments: [
            ("fourteen chars", 15, PasswordRules.Refusal.tooShort(minimum: 15)), ("fifteen charss!", 15, nil),
            ("seven c", 8, .tooShort(minimum: 8)), ("eight ch", 8, nil), ("seven c", 1, .tooShort(minimum: 8)),
            ("password", 8, .common), ("PassWord", 8, .common), ("passwordpassword", 15, .common),
            ("password12345678", 15, .common), ("PASSWORDpassword", 15, .common), ("sunshinebaseball", 15, .common),
            ("aaaaaaaaaaaaaaa", 15, .common), ("ababababababababab", 15, .common), ("abcabcabcabcabcabc", 15, .common),
            ("abcdabcdabcdabcd", 15, .common), ("abcdeabcdeabcdeabcde", 15, .common),
            ("somebody@example.com", 15, .containsIdentifier), ("SomeBody@Example.COM", 15, .containsIdentifier),
            ("somebody", 8, .containsIdentifier), ("somebody else's password", 15, nil),
            ("pässwörter sind Wörter", 15, nil), ("🦀🦀🐙🐙🦑🦑🦐🦞🐠🐟🐡🐬🐳🐋🦈", 15, nil),
            ("               ", 15, .common), ("Pawl is my session server", 15, .common),
        ] as [(String, Int, PasswordRules.Refusal?)])
    func `passwords are long and not the first that attackers try`(
        text: String, minimum: Int, refusal: PasswordRules.Refusal?
    ) throws {
        let rules = PasswordRules(minimumLength: minimum, extraBlocked: ["Pawl is my session server"])
        let identifier = try Identifier("somebody@example.com").orThrow()
        #expect(rules.refusal(of: try Password(text).orThrow(), for: identifier) == refusal)
    }

    @Test func `passwords have no composition rules, and every character counts`() throws {
        let rules = PasswordRules()
        let identifier = try Identifier("somebody").orThrow()
        for text in ["lower case words only", "9048271659337062", "~[%]{^}&(*)_+|:\"<>", "tab\tnull\u{1}control here"] {
            #expect(rules.refusal(of: try Password(text).orThrow(), for: identifier) == nil)
        }
    }

    @Test func `passwords are counted by code point, after NFC`() throws {
        #expect(try Password("e\u{301}").orThrow().length == 1)
        #expect(try Password("👨‍👩‍👧").orThrow().length == 5)
        #expect(try Password("e\u{301}").orThrow() == Password("\u{E9}").orThrow())
    }

    @Test(arguments: [(1024, true), (1025, false)])
    func `passwords have at most 1,024 bytes, and are never cut`(count: Int, isAllowed: Bool) throws {
        let password = Password(String(repeating: "a", count: count))
        #expect((password != nil) == isAllowed)
        if let password { #expect(password.bytes.count == count) }
    }

    @Test(.tags(.p10)) func `passwords take little time to judge, whatever they are`() throws {
        // A bound on the work, not on the clock: parts are as long as the longest known one, copies as far as 64 characters.
        let rules = PasswordRules()
        let identifier = try Identifier("somebody").orThrow()
        for worst in ["password", "a", "1qaz2wsx"] {
            let text = String(repeating: worst, count: 1024 / worst.count)
            #expect(rules.refusal(of: try Password(text).orThrow(), for: identifier) == .common)
        }
    }

    @Test(.tags(.p3)) func `passwords never print`() throws {
        let password = try Password("hunter2 hunter2 hunter2").orThrow()
        let credentials = Credentials(identifier: try Identifier("x").orThrow(), password: password, device: "")
        var dumped = ""
        dump(credentials, to: &dumped)
        for print in ["\(password)", String(reflecting: password), "\(credentials)", dumped] {
            #expect(!print.contains("hunter2") && !print.contains("104, 117"))
        }
    }

    @Test(.tags(.p3)) func `passwords are sealed, bound to their user and the secret`() throws {
        let secrets = try Server.secrets(1)
        let (user, other) = (try Sample.user("a").id, try Sample.user("b").id)
        let sealed = try SealedPassword("$argon2id$secret", for: user, secrets: secrets)
        #expect(sealed.phc(for: user, secrets: secrets) == "$argon2id$secret")
        #expect(sealed.phc(for: user, secrets: try Server.secrets(2, 1)) == "$argon2id$secret")
        #expect(sealed.phc(for: other, secrets: secrets) == nil)
        #expect(sealed.phc(for: user, secrets: try Server.secrets(2)) == nil)
        #expect(sealed.isCurrent(secrets))
        #expect(try !sealed.isCurrent(Server.secrets(2, 1)))
        for place in sealed.bytes.indices {
            var bytes = sealed.bytes
            bytes[place] ^= 1
            #expect(SealedPassword(bytes: bytes).phc(for: user, secrets: secrets) == nil)
        }
        for bytes: [UInt8] in [[], [secrets.newest.id], Array(sealed.bytes.prefix(20))] {
            #expect(SealedPassword(bytes: bytes).phc(for: user, secrets: secrets) == nil)
        }
    }
}
