import PawlTesting
import Testing

@testable import PawlCore

// FAULTS A7, A8, F8
@Suite("Identifiers", .tags(.p12))
struct IdentifierTests {
    @Test(
        arguments: [
            ("ana", "ana"), ("Ana@Example.COM", "ana@example.com"), ("ÉLOÏSE", "éloïse"), ("e\u{301}", "\u{E9}"),
            ("E\u{301}", "\u{E9}"), ("two words", "two words"), ("two  words", "two words"), ("a   b  c", "a b c"),
            ("o'brien\"; DROP TABLE users;--", "o'brien\"; drop table users;--"),
            // White space at the ends, as it is pasted.
            (" ana", "ana"), ("ana ", "ana"), ("ana\n", "ana"), ("ana\r\n", "ana"), ("\tana\t", "ana"),
            ("\u{A0}ana\u{3000}", "ana"), ("ana\u{2028}", "ana"), ("ana@example.com ", "ana@example.com"),
            // Full case folding: capitals, the final sigma, sharp s; but no dotless i for a dotted one.
            ("ΝΙΚΟΣ@example.gr", "νικοσ@example.gr"), ("νικος@example.gr", "νικοσ@example.gr"),
            ("STRASSE", "strasse"), ("Straße", "strasse"), ("STRAẞE", "strasse"), ("ᾼ", "αι"), ("ılgaz", "ılgaz"),
            ("İlgaz", "ilgaz"), ("li\u{307}am", "liam"), ("J\u{307}o", "jo"), ("ari\u{325}\u{307}", "ari\u{325}"),
            ("z\u{307}", "ż"), ("ꭰ", "ꭰ"), ("Ꭰ", "ꭰ"),
            // Full-width and half-width forms; Ångström and Kelvin signs; combining marks in another order.
            ("ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "alice@example.com"), ("Ａ　Ｂ", "a b"), ("ｶﾞﾝﾀﾞﾑ", "ガンダム"),
            ("\u{212B}", "å"), ("\u{212A}", "k"), ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            // Letters of all scripts, marks and digits.
            ("דנה@example.com", "דנה@example.com"), ("سارة", "سارة"), ("王小明", "王小明"), ("ひらがな", "ひらがな"),
            ("한글", "한글"), ("हिन्दी", "हिन्दी"), ("ชื่อ", "ชื่อ"), ("ნინო", "ნინო"), ("٣", "٣"), ("۳", "۳"),
            // What is allowed beside certain characters only.
            ("col·lega", "col·lega"), ("ア・イ", "ア・イ"), ("צ׳", "צ׳"), ("͵α", "͵α"), ("क्‍ष", "क्‍ष"), ("क्‌ष", "क्‌ष"),
        ])
    func `identifiers are prepared and compared by one rule`(text: String, key: String) throws {
        let identifier = try Identifier(text).orThrow()
        #expect(identifier.refusal == nil)
        #expect(Array(identifier.text.unicodeScalars) == Array(key.unicodeScalars))
    }

    @Test(
        arguments: [
            ("li\u{200B}am@example.com", .invisible("\u{200B}")), ("\u{202E}liam@example.com", .invisible("\u{202E}")),
            ("liam\u{2069}", .invisible("\u{2069}")), ("li\u{AD}am", .invisible("\u{AD}")),
            ("\u{FEFF}liam", .invisible("\u{FEFF}")), ("li\u{2028}am", .invisible("\u{2028}")),
            ("li\u{34F}am", .invisible("\u{34F}")), ("li\u{3164}am", .invisible("\u{3164}")),
            ("\u{FFA0}liam", .invisible("\u{FFA0}")), ("liam\u{E0041}", .invisible("\u{E0041}")),
            ("liam\u{FFFF}", .invisible("\u{FFFF}")), ("\u{1FFFE}", .invisible("\u{1FFFE}")),
            ("liam\u{FE0F}", .invisible("\u{FE0F}")), ("a\u{200D}b", .invisible("\u{200D}")),
            ("نامه\u{200C}ای", .invisible("\u{200C}")), ("\u{1D173}", .invisible("\u{1D173}")),
            ("two\u{A0}words", .space("\u{A0}")), ("two\u{2009}words", .space("\u{2009}")),
            ("two\u{1680}words", .space("\u{1680}")),
            ("ﬁona", .variant("ﬁ")), ("ⅷ", .variant("ⅷ")), ("x²", .variant("²")), ("𝐥iam", .variant("𝐥")),
            ("ﾡ", .variant("ﾡ")), ("ſam", .variant("ſ")), ("µ", .variant("µ")), ("ǆ", .variant("ǆ")),
            ("a·b", .misplaced("·")), ("a・b", .misplaced("・")), ("a׳", .misplaced("׳")), ("͵", .misplaced("͵")),
            ("٣۳", .misplaced("٣")),
            // What looks like less than it is, or turns the word.
            ("\u{301}liam", .misplaced("\u{301}")), ("a \u{301}b", .misplaced("\u{301}")),
            ("a\u{16FE4}", .invisible("\u{16FE4}")), ("abcאב.com", .direction("a")), ("1א@x.com", .direction("1")),
            ("liamא@x", .direction("l")), ("אבג-12", .direction("1")), ("אa", .direction("a")),
            ("🦀", .symbol("🦀")), ("a—b", .symbol("—")), ("a€", .symbol("€")), ("«a»", .symbol("«")),
            ("\u{2800}", .symbol("\u{2800}")), ("ـ", .symbol("ـ")), ("〱", .symbol("〱")),
            ("\u{1100}", .symbol("\u{1100}")),
            ("a\u{20DD}", .symbol("\u{20DD}")), ("\u{E000}", .symbol("\u{E000}")), ("\u{378}", .symbol("\u{378}")),
            ("ⓐ", .variant("ⓐ")), ("a\u{FFFD}", .symbol("\u{FFFD}")),
        ] as [(String, Identifier.Refusal)])
    func `identifiers are refused in words that name the character`(text: String, refusal: Identifier.Refusal) throws {
        let identifier = try Identifier(text).orThrow()
        #expect(identifier.refusal == refusal)
        #expect(identifier.text == identifier.spelling, "an earlier version's goes on by its spelling")
        #expect(refusal.description.contains(refusal.scalar.number))
    }

    @Test(
        arguments: [
            "", " ", "\u{A0}\n", "a\0b", "a\u{1F}b", "a\tb", "a\u{7F}b", "a\u{85}b",
            String(repeating: "a", count: 255), String(repeating: "é", count: 128),
        ])
    func `identifiers are not at all where nobody could type them or a database keep them`(text: String) {
        #expect(Identifier(text) == nil)
    }

    @Test func `identifiers have at most 254 bytes without the white space at their ends`() {
        #expect(Identifier(String(repeating: "a", count: 254) + "\n") != nil)
    }

    @Test func `identifiers are shown as they were typed`() throws {
        let identifier = try Identifier(" Ana Lopez@Example.COM\n").orThrow()
        #expect(identifier.typed == "Ana Lopez@Example.COM")
        #expect(identifier.spelling == "ana lopez@example.com")
        #expect(Identifier("ΝΙΚΟΣ")?.typed == "ΝΙΚΟΣ")
    }

    @Test func `once prepared stay as they are, with each assigned character of Unicode`() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            if [.unassigned, .privateUse].contains(scalar.properties.generalCategory) { continue }
            guard let identifier = Identifier("l\(scalar)l"), identifier.refusal == nil else { continue }
            let again = Identifier(identifier.text)
            if again?.refusal != nil || again?.text.utf8.elementsEqual(identifier.text.utf8) != true {
                Issue.record("\(scalar.number): \(identifier.text)")
            }
            let upper = Identifier(identifier.typed.uppercased())
            if upper?.refusal == nil, upper?.text != identifier.text, scalar != "\u{131}" {
                Issue.record("\(scalar.number) in upper case: \(upper?.text ?? "none")")
            }
        }
    }

    @Test func `identifiers that the rule forbids go to nobody new`() async throws {
        let server = try await Server()
        let name = "li\u{200B}am"
        let credentials = try Server.credentials(name)
        let refused = SessionError.identifierRefused(.invisible("\u{200B}"))
        await #expect(throws: refused) {
            _ = try await server.accounts.register(credentials, origin: Server.home, delivery: .body)
        }
        await #expect(throws: refused) {
            _ = try await server.accounts.add(
                credentials.identifier, password: credentials.password, roles: [], scope: [])
        }
        #expect(!server.store.calls.contains(.addUser))
    }

    @Test(.tags(.p1)) func `identifiers in another spelling sign in to the same account, and count as the same`()
        async throws
    {
        let server = try await Server()
        let grant = try await server.register("ΝΙΚΟΣ@example.gr")
        let login = try await server.login(" νικος@example.gr\n")
        #expect(login.session.subject == grant.session.subject)
        for name in ["νικοσ@EXAMPLE.gr", "Νικος@example.gr"] {
            await #expect(throws: SessionError.identifierTaken) { try await server.register(name) }
        }
        #expect(try Sample.throttleKeys("ΝΙΚΟΣ", "192.0.2.7") == Sample.throttleKeys("νικος ", "192.0.2.7"))
    }

    @Test(.tags(.p1)) func `identifiers of an earlier version still sign in, each to its own account`() async throws {
        let server = try await Server()
        var owners: [String: SubjectID] = [:]
        for (number, spelling) in ["li\u{200B}am", "straße", "strasse"].enumerated() {
            let id = try SubjectID(bytes: Array(Sample.bytes(UInt64(number)).prefix(16))).orThrow()
            let phc = try await server.hasher.hash(Password(Server.password).orThrow())
            let user = User(
                id: id, identifier: try Identifier(spelling: spelling, key: nil, typed: nil).orThrow(),
                createdAt: Sample.start, password: try SealedPassword(phc, for: id, secrets: Server.secrets(1)))
            #expect(try await server.store.addUser(user, Event(.registered, at: Sample.start, subject: id)))
            owners[spelling] = id
        }
        for (typed, spelling) in [
            ("Li\u{200B}am", "li\u{200B}am"), ("Straße", "straße"), ("STRAẞE", "straße"), ("STRASSE", "strasse"),
            ("ｓｔｒａｓｓｅ", "strasse"),
        ] {
            #expect(try await server.login(typed).session.subject == owners[spelling], "\(typed)")
        }
        await #expect(throws: SessionError.identifierTaken) { try await server.register("STRASSE") }
    }

    @Test(
        arguments: [
            ([], true), (["read", "write:all", "a!#$%&'()*+,-./:;<=>?@[]^_`{|}~"], true), (["read", "read"], false),
            ([""], false), (["two words"], false), (["quo\"te"], false), (["back\\slash"], false), (["é"], false),
            (["a\n"], false), ([String(repeating: "a", count: 64)], true), ([String(repeating: "a", count: 65)], false),
            ((1...32).map(String.init), true), ((1...33).map(String.init), false),
        ])
    func `roles and scopes are RFC 6749's scope tokens`(words: [String], isValid: Bool) {
        #expect(isValidScopeList(words) == isValid)
    }
}
