package import PawlCore

/// The row of a user. `identifier` is the spelling; `identifier_key` and `identifier_typed` are NULL where they are the
/// same.
package enum UserRow {
    package enum Column: Int, TableColumn {
        case id, identifier, createdAt, password, version, disabled, roles, scope, identifierKey, identifierTyped

        package var kind: TableShape.Kind {
            switch self {
            case .id: .id
            case .password: .bytes
            case .createdAt, .version, .disabled: .integer
            case .identifier, .roles, .scope, .identifierKey, .identifierTyped: .text
            }
        }
    }

    package static let table = TableShape(name: "users", Column.self)
    package static let names = table.names
    package static let list = table.list

    /// What must be different in each row.
    package static let key = "coalesce(identifier_key, identifier)"

    package static func decode(_ row: some Columns) throws -> User {
        guard let id = SubjectID(bytes: row.bytes(at(.id))),
            let identifier = Identifier(
                spelling: row.text(at(.identifier)), key: row.optionalText(at(.identifierKey)),
                typed: row.optionalText(at(.identifierTyped)))
        else {
            throw StoreError("A row of users cannot be read.")
        }
        return User(
            id: id, identifier: identifier, createdAt: row.time(at(.createdAt)),
            password: SealedPassword(bytes: row.bytes(at(.password))), version: row.integer(at(.version)) ?? 0,
            isDisabled: row.integer(at(.disabled)) != 0, roles: row.words(at(.roles)), scope: row.words(at(.scope)))
    }

    private static func at(_ column: Column) -> Int { column.rawValue }

    package static func values(_ user: User) -> [ColumnValue] {
        Column.allCases.map { value(of: $0, in: user) }
    }

    private static func value(of column: Column, in user: User) -> ColumnValue {
        let identifier = user.identifier
        return switch column {
        case .id: .init(user.id)
        case .identifier: .text(identifier.spelling)
        case .createdAt: .init(user.createdAt)
        case .password: .bytes(user.password.bytes)
        case .version: .integer(user.version)
        case .disabled: .integer(user.isDisabled ? 1 : 0)
        case .roles: .init(user.roles)
        case .scope: .init(user.scope)
        case .identifierKey: .text(identifier.text == identifier.spelling ? nil : identifier.text)
        case .identifierTyped: .text(identifier.typed == identifier.spelling ? nil : identifier.typed)
        }
    }
}
