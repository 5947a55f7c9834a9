/// The body of `POST /auth/register` and `POST /auth/login`.
public struct SignInRequest: Codable, Sendable {
    /// What the user signs in with, such as an e-mail address. Compared by RFC 8265 `UsernameCaseMapped`.
    public var identifier: String
    /// The password, at most 1,024 bytes of UTF-8.
    public var password: String
    /// What to call the device in the list of sessions; cut to 48 bytes.
    public var device: String?

    /// Makes the body of a sign-in or a registration.
    public init(identifier: String, password: String, device: String? = nil) {
        self.identifier = identifier
        self.password = password
        self.device = device
    }
}

/// The body of `POST /auth/refresh`, and of `POST /auth/logout`.
public struct RefreshRequest: Codable, Sendable {
    /// Nil from a browser, which sends its cookie.
    public var refreshToken: String?

    /// Makes the body of a refresh or a sign-out.
    public init(refreshToken: String?) {
        self.refreshToken = refreshToken
    }

    private enum CodingKeys: String, CodingKey {
        case refreshToken = "refresh_token"
    }
}

/// The body of `POST /auth/reauthenticate`.
public struct ReauthenticateRequest: Codable, Sendable {
    /// Nil from a browser, which sends its cookie.
    public var refreshToken: String?
    /// The password, at most 1,024 bytes of UTF-8.
    public var password: String

    /// Makes the body of a step-up.
    public init(refreshToken: String?, password: String) {
        self.refreshToken = refreshToken
        self.password = password
    }

    private enum CodingKeys: String, CodingKey {
        case refreshToken = "refresh_token"
        case password
    }
}

/// The body of `PUT /auth/password`.
public struct PasswordChangeRequest: Codable, Sendable {
    /// Nil from a browser, which sends its cookie.
    public var refreshToken: String?
    /// The password of today.
    public var current: String
    /// The password to set.
    public var new: String

    /// Makes the body of a change of password.
    public init(refreshToken: String?, current: String, new: String) {
        self.refreshToken = refreshToken
        self.current = current
        self.new = new
    }

    private enum CodingKeys: String, CodingKey {
        case refreshToken = "refresh_token"
        case current
        case new
    }
}

/// The answer to a sign-in, a refresh, a step-up and a password change (RFC 6749 §5.1).
public struct TokenResponse: Codable, Sendable {
    /// The access token: a JWT (RFC 9068) for the `Authorization` field.
    public var accessToken: String
    /// `Bearer`.
    public var tokenType: String
    /// Seconds that the access token lives.
    public var expiresIn: Int64
    /// Nil to a browser, which gets it as a cookie.
    public var refreshToken: String?
    /// Seconds until the session ends if it is not refreshed.
    public var refreshTokenTimeout: Int64
    /// Seconds until the session ends at all.
    public var authorizationExpiresIn: Int64
    /// The scope of the session, its words separated by spaces; nil if it has none.
    public var scope: String?
    /// The session that the tokens belong to.
    public var sessionID: String
    /// The user: the `sub` of the access token.
    public var subject: String
    /// True if this request has turned nothing: an earlier one of the attempt, or a racing one, got this refresh token
    /// already. The next attempt then repeats the name. Nil otherwise.
    public var isRepeated: Bool?

    /// Makes the body with all its members.
    public init(
        accessToken: String, tokenType: String = "Bearer", expiresIn: Int64, refreshToken: String?,
        refreshTokenTimeout: Int64, authorizationExpiresIn: Int64, scope: String?, sessionID: String, subject: String,
        isRepeated: Bool? = nil
    ) {
        self.accessToken = accessToken
        self.tokenType = tokenType
        self.expiresIn = expiresIn
        self.refreshToken = refreshToken
        self.refreshTokenTimeout = refreshTokenTimeout
        self.authorizationExpiresIn = authorizationExpiresIn
        self.scope = scope
        self.sessionID = sessionID
        self.subject = subject
        self.isRepeated = isRepeated
    }

    private enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case tokenType = "token_type"
        case expiresIn = "expires_in"
        case refreshToken = "refresh_token"
        case refreshTokenTimeout = "refresh_token_timeout"
        case authorizationExpiresIn = "authorization_expires_in"
        case scope
        case sessionID = "session_id"
        case subject
        case isRepeated = "repeated"
    }
}

/// A session as its owner sees it: one device. Times are RFC 3339.
public struct SessionDescription: Codable, Sendable {
    /// The session's id.
    public var id: String
    /// What the user calls the device; empty without a name.
    public var device: String
    /// The `User-Agent` of the last refresh or sign-in, at most 64 bytes.
    public var userAgent: String
    /// The address of the last refresh or sign-in.
    public var ip: String
    /// When the user signed in, in RFC 3339.
    public var createdAt: String
    /// When the session was refreshed last, in RFC 3339.
    public var lastUsedAt: String
    /// When the session ends if it is not refreshed, in RFC 3339.
    public var expiresAt: String
    /// Whether it is the one that asks.
    public var current: Bool
    /// Only for one's own session (`GET /auth/session`), with the four below.
    public var subject: String?
    /// What the user signed in with; only in `GET /auth/session`.
    public var identifier: String?
    /// The user's roles; only in `GET /auth/session`.
    public var roles: [String]?
    /// The scope of the session, its words separated by spaces; nil if it has none.
    public var scope: String?
    /// When the user last gave the password, in RFC 3339; only in `GET /auth/session`.
    public var authTime: String?

    /// Makes the body with all its members.
    public init(
        id: String, device: String, userAgent: String, ip: String, createdAt: String, lastUsedAt: String,
        expiresAt: String, current: Bool, subject: String? = nil, identifier: String? = nil, roles: [String]? = nil,
        scope: String? = nil, authTime: String? = nil
    ) {
        self.id = id
        self.device = device
        self.userAgent = userAgent
        self.ip = ip
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.expiresAt = expiresAt
        self.current = current
        self.subject = subject
        self.identifier = identifier
        self.roles = roles
        self.scope = scope
        self.authTime = authTime
    }

    private enum CodingKeys: String, CodingKey {
        case id, device, ip, current, subject, identifier, roles, scope
        case userAgent = "user_agent"
        case createdAt = "created_at"
        case lastUsedAt = "last_used_at"
        case expiresAt = "expires_at"
        case authTime = "auth_time"
    }
}

/// The answer to `GET /auth/sessions`: a page of them, newest first.
public struct SessionList: Codable, Sendable {
    /// The sessions of this page, newest first.
    public var sessions: [SessionDescription]
    /// What to ask for the next page with, as `after`; absent at the end.
    public var next: String?

    /// Makes a page of sessions.
    public init(sessions: [SessionDescription], next: String? = nil) {
        self.sessions = sessions
        self.next = next
    }
}

/// The body of `PATCH /auth/sessions/{id}`.
public struct RenameRequest: Codable, Sendable {
    /// What the user calls the device; empty without a name.
    public var device: String

    /// Makes the body that names a device.
    public init(device: String) {
        self.device = device
    }
}

/// What `/.well-known/oauth-authorization-server` says (RFC 8414 §2).
public struct ServerMetadata: Codable, Sendable {
    /// The server's URL: the `iss` of its access tokens.
    public var issuer: String
    /// Where the key set is.
    public var jwksURI: String
    /// Required by RFC 8414; empty, since there is no authorization endpoint.
    public var responseTypesSupported: [String]
    /// Empty, since there is no token endpoint.
    public var grantTypesSupported: [String]

    /// Makes the metadata of a server.
    public init(issuer: String, jwksURI: String) {
        self.issuer = issuer
        self.jwksURI = jwksURI
        responseTypesSupported = []
        grantTypesSupported = []
    }

    private enum CodingKeys: String, CodingKey {
        case issuer
        case jwksURI = "jwks_uri"
        case responseTypesSupported = "response_types_supported"
        case grantTypesSupported = "grant_types_supported"
    }
}
