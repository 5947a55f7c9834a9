extension StringProtocol {
    /// Whether this is `text` in any case of ASCII letters. `lowercased()` would take other letters for some of them, such as
    /// the Kelvin sign for k.
    func isASCII(equalTo text: StaticString) -> Bool {
        guard utf8.count == text.utf8CodeUnitCount else { return false }
        return unsafe zip(utf8, UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)).allSatisfy {
            ($0 | (0x41...0x5A ~= $0 ? 0x20 : 0)) == $1
        }
    }
}
