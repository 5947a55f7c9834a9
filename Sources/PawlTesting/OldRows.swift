package import PawlCore
import Testing

/// Users of a database from before `0007-identifiers`, for tests of that step.
package struct OldRows: Sendable {
    package struct Row: Sendable {
        package let id: SubjectID
        package let spelling: String
        package let createdAt: Int64
    }

    package let all: [Row]
    /// The spellings that stay as they are, sorted.
    package let old = ["li\u{200B}am@example.com", "νικος@example.gr", "ａｌｉｃｅ@example.com", "ﬁona"].sorted()
    /// What is typed, and the spelling of the row whose owner signs in by it.
    private let owners = [
        "ALICE@example.com": "alice@example.com", "ａｌｉｃｅ@example.com": "ａｌｉｃｅ@example.com",
        "li\u{200B}am@example.com": "li\u{200B}am@example.com", "Liam@example.com": "liam@example.com",
        "ΝΙΚΟΣ@example.gr": "νικοσ@example.gr", "νικος@example.gr": "νικος@example.gr", "STRASSE": "straße",
        "Straße": "straße", "ΓΙΏΡΓΟΣ": "γιώργος", "γιώργοσ": "γιώργος", "ﬁona": "ﬁona", "дарья": "дарья",
        "o'brien": "o'brien", "ὈΔΥΣΣΕΎΣ": "ὀδυσσεύς",
    ]

    package init() {
        let spellings = Set(owners.values).sorted() + (0..<2500).map { "użytkownik-\($0)" }
        all = spellings.enumerated().compactMap { number, spelling in
            SubjectID(bytes: Array(Sample.bytes(UInt64(number)).prefix(16))).map { id in
                Row(id: id, spelling: spelling, createdAt: Sample.start.seconds - Int64(number))
            }
        }
    }

    /// Everybody gets in as before, and nobody new gets what is the same.
    package func check(_ store: any Store) async throws {
        let ids = Dictionary(all.map { ($0.spelling, $0.id) }, uniquingKeysWith: { $1 })
        for (typed, spelling) in owners {
            let user = try await store.user(identifier: try Identifier(typed).orThrow())
            #expect(user?.id == ids[spelling], "\(typed)")
            #expect(user?.identifier.typed == spelling)
        }
        for taken in ["STRAẞE", "Νικος@example.gr", "ΓΙΏΡΓΟΣ", "Ａlice@example.com", "ŻYTNIA", "UŻYTKOWNIK-7"] {
            let user = try Sample.user(taken)
            let isNew = try await store.addUser(user, Event(.registered, at: Sample.start, subject: user.id))
            #expect(isNew == (taken == "ŻYTNIA"), "\(taken)")
        }
    }
}
