package import PawlCore

/// The columns of a user in the one order that all statements of all SQL stores use. `identifier` is the spelling;
/// `identifier_key` and `identifier_typed` are NULL where they are the same.
package enum UserRow {
    /// What must be different in each row.
    package static let key = "coalesce(identifier_key, identifier)"

    package static let table = TableShape(
        name: "users",
        columns: [
            ("id", .id), ("identifier", .text), ("created_at", .integer), ("password", .bytes), ("version", .integer),
            ("disabled", .integer), ("roles", .text), ("scope", .text), ("identifier_key", .text),
            ("identifier_typed", .text),
        ])
    package static let names = table.names
    package static let list = table.list

    package static func decode(_ row: some Columns) throws -> User {
        let key = row.isNull(8) ? nil : row.text(8)
        let typed = row.isNull(9) ? nil : row.text(9)
        guard let id = SubjectID(bytes: row.bytes(0)),
            let identifier = Identifier(spelling: row.text(1), key: key, typed: typed)
        else {
            throw StoreError("A row of users cannot be read.")
        }
        return User(
            id: id, identifier: identifier, createdAt: row.time(2), password: SealedPassword(bytes: row.bytes(3)),
            version: row.integer(4) ?? 0, isDisabled: row.integer(5) != 0, roles: row.words(6), scope: row.words(7))
    }

    package static func values(_ user: User) -> [ColumnValue] {
        let identifier = user.identifier
        return [
            .init(user.id), .text(identifier.spelling), .init(user.createdAt), .bytes(user.password.bytes),
            .integer(user.version), .integer(user.isDisabled ? 1 : 0), .init(user.roles), .init(user.scope),
            .text(identifier.text == identifier.spelling ? nil : identifier.text),
            .text(identifier.typed == identifier.spelling ? nil : identifier.typed),
        ]
    }
}
