/// The columns of a user in the one order that all statements of all SQL stores use.
package enum UserRow {
    package static let table = TableShape(
        name: "users",
        columns: [
            ("id", .id), ("identifier", .text), ("created_at", .integer), ("password", .bytes), ("version", .integer),
            ("disabled", .integer), ("roles", .text), ("scope", .text),
        ])
    package static let names = table.names
    package static let list = table.list

    package static func decode(_ row: some Columns) throws -> User {
        guard let id = SubjectID(bytes: row.bytes(0)), let identifier = Identifier(row.text(1)) else {
            throw StoreError("A row of users cannot be read.")
        }
        return User(
            id: id, identifier: identifier, createdAt: row.time(2), password: SealedPassword(bytes: row.bytes(3)),
            version: row.integer(4) ?? 0, isDisabled: row.integer(5) != 0, roles: row.words(6), scope: row.words(7))
    }

    package static func values(_ user: User) -> [ColumnValue] {
        [
            .init(user.id), .text(user.identifier.text), .init(user.createdAt), .bytes(user.password.bytes),
            .integer(user.version), .integer(user.isDisabled ? 1 : 0), .init(user.roles), .init(user.scope),
        ]
    }
}
