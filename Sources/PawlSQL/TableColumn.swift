/// The columns of a table in the one order that all statements of all SQL stores use: one case a column.
package protocol TableColumn: CaseIterable, RawRepresentable, Sendable where RawValue == Int {
    var kind: TableShape.Kind { get }
}

extension TableColumn {
    /// The name in SQL: `createdAt` is `created_at`, `attempt1` is `attempt_1`.
    package var name: String {
        var name = ""
        for character in "\(self)" {
            let startsWord = character.isUppercase || character.isNumber
            if startsWord, let last = name.last, last.isLowercase { name.append("_") }
            name.append(character)
        }
        return name.lowercased()
    }

    package static var names: [String] { allCases.map(\.name) }
}
