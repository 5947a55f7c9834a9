/// The body of `POST /admin/users`.
public struct NewUserRequest: Codable, Sendable {
    public var identifier: String
    public var password: String
    public var roles: [String]?
    public var scope: [String]?

    public init(identifier: String, password: String, roles: [String]? = nil, scope: [String]? = nil) {
        self.identifier = identifier
        self.password = password
        self.roles = roles
        self.scope = scope
    }
}

/// The body of `PATCH /admin/users/{identifier}`; what is absent stays. Disabling and a new password end the user's
/// sessions.
public struct UserChangeRequest: Codable, Sendable {
    public var roles: [String]?
    public var scope: [String]?
    public var disabled: Bool?
    public var password: String?

    public init(roles: [String]? = nil, scope: [String]? = nil, disabled: Bool? = nil, password: String? = nil) {
        self.roles = roles
        self.scope = scope
        self.disabled = disabled
        self.password = password
    }
}

/// A user as an operator sees them.
public struct UserDescription: Codable, Sendable {
    public var subject: String
    public var identifier: String
    public var roles: [String]
    public var scope: [String]
    public var disabled: Bool
    public var createdAt: String

    public init(
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
public struct UserList: Codable, Sendable {
    public var users: [UserDescription]

    public init(users: [UserDescription]) {
        self.users = users
    }
}

/// A session as an operator sees it: the owner's view, and how it ended.
public struct AdminSession: Codable, Sendable {
    public var session: SessionDescription
    public var subject: String
    /// How many times it has turned.
    public var generation: Int64
    public var endedAt: String?
    public var endReason: String?

    public init(session: SessionDescription, subject: String, generation: Int64, endedAt: String?, endReason: String?) {
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
public struct EndedSessions: Codable, Sendable {
    public var ended: Int

    public init(ended: Int) {
        self.ended = ended
    }
}

/// A signing key as an operator sees it: never its private part.
public struct KeyDescription: Codable, Sendable {
    public var id: String
    public var algorithm: String
    public var createdAt: String
    /// From when on it signs.
    public var activatesAt: String
    /// Whether it is the one that signs now.
    public var signs: Bool

    public init(id: String, algorithm: String, createdAt: String, activatesAt: String, signs: Bool) {
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
public struct KeyList: Codable, Sendable {
    public var keys: [KeyDescription]

    public init(keys: [KeyDescription]) {
        self.keys = keys
    }
}

/// Something that happened.
public struct EventDescription: Codable, Sendable {
    /// Rising, never used twice.
    public var id: Int64
    public var at: String
    public var kind: String
    public var subject: String?
    public var session: String?
    public var ip: String?
    public var userAgent: String?
    public var details: [String: String]

    public init(
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
public struct EventList: Codable, Sendable {
    public var events: [EventDescription]

    public init(events: [EventDescription]) {
        self.events = events
    }
}
