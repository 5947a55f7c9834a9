import PawlTesting
import Testing

@testable import PawlCore

// FAULTS A8
@Suite("Names of devices and user agents", .tags(.p12))
struct DisplayTextTests {
    @Test(
        arguments: [
            ("Laptop", "Laptop"), (" My phone\n", "My phone"), ("a\tb", "a b"), ("a\u{7}b", "ab"), ("", ""), ("  ", ""),
            ("\u{FEFF}", ""), ("\u{202E}", ""), ("\u{200B}\u{2060}", ""), ("\u{3164}", ""), ("\u{2800}", ""),
            ("\u{200D}\u{FE0F}", ""), ("\u{A0}\u{3000}", ""), ("\u{202E}pohtpaL", "pohtpaL"),
            ("a\u{2028}b\u{2029}c", "a b c"), ("a\u{2066}b\u{2069}", "ab"), ("a\u{E0041}\u{FFFF}\u{E000}", "a"),
            ("👨‍👩‍👧", "👨‍👩‍👧"), ("❤️ phone", "❤️ phone"), ("گوشی‌ام", "گوشی‌ام"), ("הטלפון שלי", "הטלפון שלי"),
            (String(repeating: "a", count: 47) + " b", String(repeating: "a", count: 47)),
            (String(repeating: "é", count: 30), String(repeating: "é", count: 24)),
        ])
    func `names of devices hold nothing that nobody sees or that turns the text beside it`(text: String, name: String) {
        #expect(Array(Session.deviceName(text).unicodeScalars) == Array(name.unicodeScalars))
        #expect(Session.deviceName(name) == name)
        #expect(
            Origin(address: "", userAgent: String(text.prefix(48))).userAgent.unicodeScalars.allSatisfy {
                $0 != "\u{202E}"
            })
    }

    @Test(arguments: [
        ("Laptop", "Laptop"), ("a\u{1B}[31mb", "a<U+001B>[31mb"), ("\u{202E}x", "<U+202E>x"), ("a\nb", "a<U+000A>b"),
        ("li\u{200B}am", "li<U+200B>am"), ("\u{E0041}", "<U+E0041>"), ("é 👨‍👩‍👧", "é 👨‍👩‍👧"),
    ])
    func `characters that hide are unmasked where an operator reads them in a terminal`(text: String, shown: String) {
        #expect(text.unmasked == shown)
    }

    @Test func `names of devices are cleaned at sign-in and when a device is named`() async throws {
        let server = try await Server()
        try await server.register()
        let credentials = try Server.credentials("ana", device: " \u{202E}Laptop\u{7} ")
        let grant = try await server.accounts.login(credentials, origin: Server.home, delivery: .body)
        #expect(try await server.row(grant).device == "Laptop")
        for (typed, name) in [("Ph\u{200B}one", "Phone"), ("\u{FEFF}", "")] {
            try await server.sessions.rename(grant.session.id, to: typed, by: grant.session)
            #expect(try await server.row(grant).device == name)
        }
    }
}
