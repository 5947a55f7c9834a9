/// What a user signs in with: an e-mail address or any other name.
///
/// Identifiers are compared as RFC 8265 §3.3 (`UsernameCaseMapped`) prepares them, with full case folding. Whatever
/// that rule forbids has a ``refusal`` and goes to nobody new. Such an identifier can still be looked up: an earlier
/// version may have given it out, and its owner must get in.
package struct Identifier: Sendable, Hashable, CustomStringConvertible {
    /// What the user typed, without white space at its ends: for display.
    package let typed: String
    /// `typed` in lower case and NFC, which is all that versions before `0007-identifiers` compared.
    package let spelling: String
    /// What identifiers are compared by; the spelling, if the rule forbids it.
    package let text: String

    static let maximumLength = 254

    /// - Returns: nil unless `text` has 1 to 254 bytes, not counting white space at its ends, and no control characters.
    package init?(_ text: String) {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return nil }
        let trimmed = String(scalars[first...last])
        guard trimmed.utf8.count <= Self.maximumLength else { return nil }
        let spelling = trimmed.lowercased().nfc
        guard spelling.utf8.count <= Self.maximumLength,
            spelling.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
        typed = trimmed.nfc
        self.spelling = spelling
        // What the rule forbids is compared as it is spelt: no new account gets it, but one from before may have it.
        self.text = (try? IdentifierRule.key(of: spelling).get()) ?? spelling
    }

    /// One that a database holds.
    /// - Parameter key: nil if it is the spelling; `typed`: nil likewise.
    package init?(spelling: String, key: String?, typed: String?) {
        guard !spelling.isEmpty else { return nil }
        self.typed = typed ?? spelling
        self.spelling = spelling
        text = key ?? spelling
    }

    /// Why nobody new may have this identifier; nil if anybody may.
    package var refusal: Refusal? {
        switch IdentifierRule.key(of: spelling) {
        case .success: nil
        case .failure(let refusal): refusal
        }
    }

    package var description: String { text }

    /// The order of their bytes, as databases have it.
    static func areInOrder(_ left: Self, _ right: Self) -> Bool {
        left.spelling.utf8.lexicographicallyPrecedes(right.spelling.utf8)
    }

    /// A character that identifiers do not hold. The description says what to do, and is safe to show anyone.
    package enum Refusal: Error, Hashable, CustomStringConvertible {
        /// Nobody sees it, or it changes the direction of what follows.
        case invisible(Unicode.Scalar)
        /// A space other than the ordinary one.
        case space(Unicode.Scalar)
        /// Another form of one or several ordinary characters.
        case variant(Unicode.Scalar)
        /// It is allowed only beside certain others.
        case misplaced(Unicode.Scalar)
        case symbol(Unicode.Scalar)
        /// Letters of both directions in one word.
        case direction(Unicode.Scalar)

        /// The first character that the rule forbids.
        var scalar: Unicode.Scalar {
            switch self {
            case .invisible(let scalar), .space(let scalar), .variant(let scalar), .misplaced(let scalar),
                .symbol(let scalar), .direction(let scalar):
                scalar
            }
        }

        package var description: String {
            switch self {
            case .invisible(let scalar):
                "The identifier holds an invisible character (\(scalar.number)). Type it anew without that character."
            case .space(let scalar):
                "The identifier holds an unusual space (\(scalar.number)). Use an ordinary space."
            case .variant(let scalar):
                "The identifier holds “\(scalar)” (\(scalar.number)). Write “\(String(scalar).nfkc)” instead."
            case .misplaced(let scalar):
                "An identifier cannot hold “\(scalar)” (\(scalar.number)) in this place. Leave it out."
            case .direction(let scalar):
                """
                The identifier mixes letters that are written from left to right and from right to left in one word \
                (“\(scalar)”, \(scalar.number)). Use one direction in each word.
                """
            case .symbol(let scalar):
                """
                An identifier cannot hold “\(scalar)” (\(scalar.number)). Use letters, digits, spaces and the signs \
                ! to ~ of ASCII.
                """
            }
        }
    }
}
