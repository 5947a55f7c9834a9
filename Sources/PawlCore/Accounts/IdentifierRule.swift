/// The profile `UsernameCaseMapped` (RFC 8265 §3.3) of the IdentifierClass of PRECIS (RFC 8264 §4.2), from the Unicode
/// properties of the standard library.
///
/// The standard library lacks three properties, and e-mail addresses bend one rule. So there is less here than in the
/// RFCs: the bidi rule (§3.3.2 step 5 of RFC 8265, RFC 5893 §2) holds for each word, since it would also forbid an Arabic
/// name before `@example.com`, and goes by ranges of code points; a zero-width non-joiner after a virama only, not between
/// joining letters (RFC 5892 A.1); ranges of code points for the scripts that RFC 5892 A.4 to A.7 ask for.
///
/// And more than in the RFCs, where two identifiers would look alike: several spaces compare as one, a dot above a letter
/// that has one counts for nothing, and no mark may stand on what comes before the identifier.
enum IdentifierRule {
    /// What identifiers of this spelling are compared by, or why there are none.
    static func key(of spelling: String) -> Result<String, Identifier.Refusal> {
        // Almost all are plain ASCII, which the rule takes as it is.
        if spelling.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
            return .success(narrowingSpace(spelling))
        }
        // The order of RFC 8264 §7: width, case, normal form.
        let prepared = String(String.UnicodeScalarView(spelling.unicodeScalars.flatMap(narrowed))).lowercased().nfc
        let scalars = Array(prepared.unicodeScalars)
        for (place, scalar) in scalars.enumerated() {
            if let refusal = refusal(of: scalar, at: place, in: scalars) { return .failure(refusal) }
            if let refusal = lookAlike(scalar, after: place > 0 ? scalars[place - 1] : nil) { return .failure(refusal) }
        }
        if let scalar = turned(scalars) { return .failure(.direction(scalar)) }
        return .success(narrowingSpace(undotted(folded(prepared))).nfkc)
    }

    /// Pages and tables show several spaces as one.
    private static func narrowingSpace(_ text: String) -> String {
        guard zip(text.utf8, text.utf8.dropFirst()).contains(where: { $0 == 0x20 && $1 == 0x20 }) else { return text }
        return text.split(separator: " ").joined(separator: " ")
    }

    /// Without dots above letters that have one, where most fonts draw no second. Lower case makes one of a Turkish İ.
    private static func undotted(_ text: String) -> String {
        guard text.unicodeScalars.contains("\u{307}") else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            if scalar == "\u{307}", isDotted(result.unicodeScalars) { return }
            result.unicodeScalars.append(scalar)
        }
    }

    /// Whether a dot above would stand on a letter that has one (Unicode 3.13, After_Soft_Dotted), or that would look like
    /// one with it.
    private static func isDotted(_ scalars: String.UnicodeScalarView) -> Bool {
        let letter = scalars.last {
            $0.properties.canonicalCombiningClass == .notReordered || $0.properties.canonicalCombiningClass == .above
        }
        return letter.map { $0.properties.isSoftDotted || $0 == "\u{131}" || $0 == "\u{237}" } ?? false
    }

    /// Why a character looks like less than it is.
    private static func lookAlike(_ scalar: Unicode.Scalar, after before: Unicode.Scalar?) -> Identifier.Refusal? {
        if scalar == "\u{16FE4}" { return .invisible(scalar) }  // the filler of Khitan, which fonts leave blank
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark:
            return before == nil || before == " " ? .misplaced(scalar) : nil
        default: return nil
        }
    }

    /// The first letter that a word's direction does not allow (RFC 5893 §2): a word with letters that are written from right
    /// to left begins with one, and has no others.
    private static func turned(_ scalars: [Unicode.Scalar]) -> Unicode.Scalar? {
        let words = scalars.split { !isLetter($0) && !isDigit($0) && !$0.properties.isDiacritic && !isMark($0) }
        guard scalars.contains(where: isRightToLeft) else { return nil }
        for word in words {
            // It would be drawn on the other side of the word beside it.
            if let first = word.first, isDigit(first) { return first }
            guard word.contains(where: isRightToLeft) else { continue }
            if let first = word.first, !isRightToLeft(first) { return first }
            if let wrong = word.first(where: { isLetter($0) && !isRightToLeft($0) }) { return wrong }
        }
        return nil
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isAlphabetic && !isMark(scalar) }
    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .decimalNumber
    }
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        [.nonspacingMark, .spacingMark].contains(scalar.properties.generalCategory)
    }

    /// Letters of Hebrew, Arabic, Syriac and their like.
    private static func isRightToLeft(_ scalar: Unicode.Scalar) -> Bool {
        guard isLetter(scalar) else { return false }
        return switch scalar.value {
        case 0x590...0x8FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF: true
        default: false
        }
    }

    /// Full-width and half-width forms as their ordinary ones (RFC 8265 §3.3.2 step 1). Half-width Hangul stays, and is
    /// refused: its ordinary forms are no letters of an identifier either.
    private static func narrowed(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
        switch scalar.value {
        case 0x3000, 0xFF01...0xFF5E, 0xFF61...0xFF9F: String(scalar).nfkc.unicodeScalars
        default: String(scalar).unicodeScalars
        }
    }

    /// Full case folding (Unicode 3.13): lower case of upper case joins what has several lower cases, such as σ and ς,
    /// or ß and ss. Except for the dotless i, which is a letter of its own.
    private static func folded(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            result += scalar == "\u{131}" ? "\u{131}" : scalar.properties.uppercaseMapping.lowercased()
        }
    }

    /// The derived property of RFC 8264 §8, in its order.
    private static func refusal(
        of scalar: Unicode.Scalar, at place: Int, in scalars: [Unicode.Scalar]
    ) -> Identifier.Refusal? {
        let properties = scalar.properties
        switch scalar.value {
        // Exceptions (§9.6) that are allowed, that depend on what is beside them, that are forbidden; then ASCII7.
        case 0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007: return nil
        case 0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB, 0x660...0x669, 0x6F0...0x6F9, 0x200C, 0x200D:
            guard !isInContext(scalar, at: place, in: scalars) else { return nil }
            return properties.isDefaultIgnorableCodePoint ? .invisible(scalar) : .misplaced(scalar)
        case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: return .symbol(scalar)
        case 0x20...0x7E: return nil
        default: break
        }
        if properties.isDefaultIgnorableCodePoint || properties.isNoncharacterCodePoint { return .invisible(scalar) }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return .invisible(scalar)
        case .spaceSeparator: return .space(scalar)
        default: break
        }
        if isOldHangul(scalar) { return .symbol(scalar) }
        guard String(scalar).nfkc.unicodeScalars.elementsEqual([scalar]) else { return .variant(scalar) }
        switch properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .modifierLetter, .decimalNumber, .nonspacingMark,
            .spacingMark:
            return nil
        default: return .symbol(scalar)
        }
    }

    /// Single parts of syllables (§9.9): what is written with them today is one character each.
    private static func isOldHangul(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x11FF, 0xA960...0xA97C, 0xD7B0...0xD7C6, 0xD7CB...0xD7FB: true
        default: false
        }
    }

    /// The rules of RFC 5892 Appendix A.
    private static func isInContext(_ scalar: Unicode.Scalar, at place: Int, in scalars: [Unicode.Scalar]) -> Bool {
        let before = place > 0 ? scalars[place - 1] : nil
        let after = place + 1 < scalars.count ? scalars[place + 1] : nil
        func holds(_ range: ClosedRange<UInt32>) -> Bool { scalars.contains { range.contains($0.value) } }
        return switch scalar.value {
        case 0x200C, 0x200D: before?.properties.canonicalCombiningClass == .virama
        case 0xB7: before == "l" && after == "l"
        case 0x375: after.map(isGreek) ?? false
        case 0x5F3, 0x5F4: before.map { (0x591...0x5F4).contains($0.value) } ?? false
        case 0x30FB: scalars.contains(where: isJapanese)
        case 0x660...0x669: !holds(0x6F0...0x6F9)
        default: !holds(0x660...0x669)
        }
    }

    private static func isGreek(_ scalar: Unicode.Scalar) -> Bool {
        (0x370...0x3FF).contains(scalar.value) || (0x1F00...0x1FFF).contains(scalar.value)
    }

    /// Hiragana, Katakana and Han.
    private static func isJapanese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3005, 0x3007, 0x3041...0x3096, 0x309D...0x309F, 0x30A1...0x30FA, 0x30FD...0x30FF, 0x31F0...0x31FF,
            0x3400...0x4DBF, 0x4E00...0x9FFF, 0x20000...0x3FFFF:
            true
        default: false
        }
    }
}
