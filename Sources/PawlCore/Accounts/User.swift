/// Somebody who can sign in.
package struct User: Sendable, Equatable {
    package let id: SubjectID
    package let identifier: Identifier
    package let createdAt: UnixTime
    package var password: SealedPassword
    /// Raised by every change of password, state or roles: a login that started before one does not slip through.
    package var version: Int64
    package var isDisabled: Bool
    package var roles: [String]
    package var scope: [String]

    package init(
        id: SubjectID, identifier: Identifier, createdAt: UnixTime, password: SealedPassword, version: Int64 = 1,
        isDisabled: Bool = false, roles: [String] = [], scope: [String] = []
    ) {
        self.id = id
        self.identifier = identifier
        self.createdAt = createdAt
        self.password = password
        self.version = version
        self.isDisabled = isDisabled
        self.roles = roles
        self.scope = scope
    }
}

/// Words such as roles and scopes: printable ASCII without space, quote or backslash (RFC 6749 §3.3), at most 64
/// bytes each and 32 in number.
package func isValidScopeList(_ words: [String]) -> Bool {
    words.count <= 32 && Set(words).count == words.count
        && words.allSatisfy { word in
            (1...64).contains(word.utf8.count)
                && word.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        }
}
