/// Text of strangers, where others read it: lists of devices, tables, logs.
extension String {
    /// This text in one line, without characters that nobody sees or that turn the text beside them, and without white
    /// space at its ends. Empty if nothing can be seen of it.
    package var displayable: String {
        // Such as almost every user agent.
        if utf8.allSatisfy({ (0x20...0x7E).contains($0) }), first != " ", last != " " { return self }
        var kept = unicodeScalars.filter { $0.properties.isWhitespace || !$0.isMask }
            .map { $0.properties.isWhitespace ? " " : $0 }[...]
        kept = kept.drop { $0 == " " }
        while kept.last == " " { kept.removeLast() }
        let isBlank = kept.allSatisfy { $0 == " " || $0.properties.isDefaultIgnorableCodePoint || $0 == "\u{2800}" }
        return isBlank ? "" : String(String.UnicodeScalarView(kept))
    }

    /// This text in one line, where what ``displayable`` leaves out is written as its number: `<U+202E>`.
    package var unmasked: String {
        if utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isMask { text += "<\(scalar.number)>" } else { text.unicodeScalars.append(scalar) }
        }
    }
}

extension Unicode.Scalar {
    /// Such as `U+200B`.
    package var number: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Whether it hides or turns what is beside it. Not so joiners and the choice of an emoji's look, which belong to the
    /// characters beside them.
    fileprivate var isMask: Bool {
        switch value {
        case 0x200C, 0x200D, 0xFE0E, 0xFE0F: return false
        default: break
        }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate: return true
        default: return properties.isDefaultIgnorableCodePoint || properties.isNoncharacterCodePoint
        }
    }
}
