/// The body of `POST /admin/users`.
package struct NewUserRequest: Codable, Sendable {
    package var identifier: String
    package var password: String
    package var roles: [String]?
    package var scope: [String]?

    package init(identifier: String, password: String, roles: [String]? = nil, scope: [String]? = nil) {
        self.identifier = identifier
        self.password = password
        self.roles = roles
        self.scope = scope
    }
}

/// The body of `PATCH /admin/users/{identifier}`; what is absent stays. Disabling and a new password end the user's
/// sessions.
package struct UserChangeRequest: Codable, Sendable {
    package var roles: [String]?
    package var scope: [String]?
    package var disabled: Bool?
    package var password: String?

    package init(roles: [String]? = nil, scope: [String]? = nil, disabled: Bool? = nil, password: String? = nil) {
        self.roles = roles
        self.scope = scope
        self.disabled = disabled
        self.password = password
    }
}

/// A user as an operator sees them.
package struct UserDescription: Codable, Sendable {
    package var subject: String
    package var identifier: String
    package var roles: [String]
    package var scope: [String]
    package var disabled: Bool
    package var createdAt: String

    package init(
        subject: String, identifier: String, roles: [String], scope: [String], disabled: Bool, createdAt: String
    ) {
        self.subject = subject
        self.identifier = identifier
        self.roles = roles
        self.scope = scope
        self.disabled = disabled
        self.createdAt = createdAt
    }

    private enum CodingKeys: String, CodingKey {
        case subject, identifier, roles, scope, disabled
        case createdAt = "created_at"
    }
}

/// The answer to `GET /admin/users`, in the order of identifiers; the next page begins `after` the last one.
package struct UserList: Codable, Sendable {
    package var users: [UserDescription]

    package init(users: [UserDescription]) {
        self.users = users
    }
}

/// A session as an operator sees it: the owner's view, and how it ended.
package struct AdminSession: Codable, Sendable {
    package var session: SessionDescription
    package var subject: String
    /// How many times it has turned.
    package var generation: Int64
    package var endedAt: String?
    package var endReason: String?

    package init(session: SessionDescription, subject: String, generation: Int64, endedAt: String?, endReason: String?)
    {
        self.session = session
        self.subject = subject
        self.generation = generation
        self.endedAt = endedAt
        self.endReason = endReason
    }

    private enum CodingKeys: String, CodingKey {
        case session, subject, generation
        case endedAt = "ended_at"
        case endReason = "end_reason"
    }
}

/// The answer to `DELETE /admin/users/{identifier}/sessions`.
package struct EndedSessions: Codable, Sendable {
    package var ended: Int

    package init(ended: Int) {
        self.ended = ended
    }
}

/// A signing key as an operator sees it: never its private part.
package struct KeyDescription: Codable, Sendable {
    package var id: String
    package var algorithm: String
    package var createdAt: String
    /// From when on it signs.
    package var activatesAt: String
    /// Whether it is the one that signs now.
    package var signs: Bool

    package init(id: String, algorithm: String, createdAt: String, activatesAt: String, signs: Bool) {
        self.id = id
        self.algorithm = algorithm
        self.createdAt = createdAt
        self.activatesAt = activatesAt
        self.signs = signs
    }

    private enum CodingKeys: String, CodingKey {
        case id, algorithm, signs
        case createdAt = "created_at"
        case activatesAt = "activates_at"
    }
}

/// The answer to `GET /admin/keys`, in the order in which they sign.
package struct KeyList: Codable, Sendable {
    package var keys: [KeyDescription]

    package init(keys: [KeyDescription]) {
        self.keys = keys
    }
}

/// Something that happened.
package struct EventDescription: Codable, Sendable {
    /// Rising, never used twice.
    package var id: Int64
    package var at: String
    package var kind: String
    package var subject: String?
    package var session: String?
    package var ip: String?
    package var userAgent: String?
    package var details: [String: String]

    package init(
        id: Int64, at: String, kind: String, subject: String?, session: String?, ip: String?, userAgent: String?,
        details: [String: String]
    ) {
        self.id = id
        self.at = at
        self.kind = kind
        self.subject = subject
        self.session = session
        self.ip = ip
        self.userAgent = userAgent
        self.details = details
    }

    private enum CodingKeys: String, CodingKey {
        case id, at, kind, subject, session, ip, details
        case userAgent = "user_agent"
    }
}

/// The answer to `GET /admin/events`, oldest first.
package struct EventList: Codable, Sendable {
    package var events: [EventDescription]

    package init(events: [EventDescription]) {
        self.events = events
    }
}
