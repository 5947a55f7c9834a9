package import Logging

/// An identifier that an earlier version gave out and that today's rule would not. Its owner signs in with exactly this
/// spelling, in any case, as before.
package struct OldIdentifier: Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        case forbidden(Identifier.Refusal)
        /// Another user's identifier is the same under the rule.
        case taken(key: String)
    }

    package let spelling: String
    package let reason: Reason

    package init(spelling: String, reason: Reason) {
        self.spelling = spelling
        self.reason = reason
    }
}

extension OldIdentifier: CustomStringConvertible {
    /// For the operator, in characters that can be seen.
    package var description: String {
        switch reason {
        case .forbidden(let refusal): "“\(spelling.unmasked)” (it holds \(refusal.scalar.number))"
        case .taken(let key): "“\(spelling.unmasked)” (another user has “\(key.unmasked)”, which is the same today)"
        }
    }
}

/// Brings the identifiers of an earlier version under today's rule. Of two that are the same under the rule, one gets
/// the key: the one that is spelled like it, otherwise the older. The other keeps its spelling for its key.
package struct OldIdentifiers: Sendable {
    package struct Row: Sendable {
        package let id: [UInt8]
        let createdAt: UnixTime
        let spelling: String
        let key: String?

        package init(id: [UInt8], createdAt: UnixTime, spelling: String, key: String?) {
            self.id = id
            self.createdAt = createdAt
            self.spelling = spelling
            self.key = key
        }
    }

    private var rows: [(row: Row, key: String)] = []
    private var forbidden: [OldIdentifier] = []

    package init() {}

    /// Looks at a row. Plain ASCII with single spaces need not come here: there the key is the spelling.
    package mutating func look(at row: Row) {
        switch IdentifierRule.key(of: row.spelling) {
        case .failure(let refusal):
            forbidden.append(OldIdentifier(spelling: row.spelling, reason: .forbidden(refusal)))
        case .success(let key): if key != row.key ?? row.spelling { rows.append((row, key)) }
        }
    }

    /// - Parameter isTaken: whether a user has this key.
    /// - Returns: the keys to write, and what stays as it is.
    package func plan(
        isTaken: (String) throws -> Bool
    ) rethrows -> (keys: [(id: [UInt8], key: String)], old: [OldIdentifier]) {
        var keys: [(id: [UInt8], key: String)] = []
        var (given, old) = (Set<String>(), forbidden)
        let inOrder = rows.sorted { left, right in
            left.row.createdAt != right.row.createdAt
                ? left.row.createdAt < right.row.createdAt : left.row.id.lexicographicallyPrecedes(right.row.id)
        }
        for (row, key) in inOrder {
            if try isTaken(key) || !given.insert(key).inserted {
                old.append(OldIdentifier(spelling: row.spelling, reason: .taken(key: key)))
            } else {
                keys.append((row.id, key))
            }
        }
        return (keys, old)
    }

    /// A line for the operator, before anything is changed. The log does not name users.
    package static func tell(_ old: [OldIdentifier], _ logger: Logger) {
        guard !old.isEmpty else { return }
        logger.warning(
            "Identifiers of an earlier version stay as they are; their owners sign in as before. List them: pawl doctor",
            metadata: ["identifiers": "\(old.count)"])
    }
}
