/// What an access token says (RFC 9068 §2.2). Times are seconds since 1970 (RFC 7519 §2, NumericDate).
public struct AccessTokenClaims: Sendable, Hashable {
    /// `iss`: the URL of the server that made the token.
    public var issuer: String
    /// The user's random id.
    public var subject: String
    /// `aud`: whom the token is for.
    public var audience: [String]
    /// `exp`: when it ends, in seconds since 1970.
    public var expiresAt: Int64
    /// `iat`: when it was made, in seconds since 1970.
    public var issuedAt: Int64
    /// The token's own id, `jti`.
    public var id: String
    /// `client_id`: the client that got it.
    public var clientID: String
    /// The session that the token came from.
    public var sessionID: String?
    /// When the subject last proved their identity; a refresh never raises it.
    public var authTime: Int64?
    /// How (RFC 8176): `pwd` for a password.
    public var authMethods: [String]
    /// Space-separated in the token (RFC 8693 §4.2).
    public var scope: [String]
    /// `roles`: what the user is.
    public var roles: [String]

    /// Makes claims, for tests.
    public init(
        issuer: String, subject: String, audience: [String], expiresAt: Int64, issuedAt: Int64, id: String,
        clientID: String, sessionID: String? = nil, authTime: Int64? = nil, authMethods: [String] = [],
        scope: [String] = [], roles: [String] = []
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audience = audience
        self.expiresAt = expiresAt
        self.issuedAt = issuedAt
        self.id = id
        self.clientID = clientID
        self.sessionID = sessionID
        self.authTime = authTime
        self.authMethods = authMethods
        self.scope = scope
        self.roles = roles
    }

    var json: [UInt8] {
        var object = JSONObject()
        object.append("iss", issuer)
        object.append("sub", subject)
        if audience.count == 1 { object.append("aud", audience[0]) } else { object.append("aud", audience) }
        object.append("exp", expiresAt)
        object.append("iat", issuedAt)
        object.append("jti", id)
        object.append("client_id", clientID)
        if let sessionID { object.append("sid", sessionID) }
        if let authTime { object.append("auth_time", authTime) }
        if !authMethods.isEmpty { object.append("amr", authMethods) }
        if !scope.isEmpty { object.append("scope", scope.joined(separator: " ")) }
        if !roles.isEmpty { object.append("roles", roles) }
        return object.text
    }
}

/// As on the wire. A member that is missing, empty, `null` or of another type fails the decoding: Pawl writes no such
/// token.
struct AccessTokenPayload: Decodable {
    let iss: String
    let sub: String
    let aud: Audience
    let exp: Time
    let iat: Time
    let nbf: Time?
    let jti: String
    let clientID: String
    let sid: String?
    let authTime: Time?
    let amr: [String]?
    let scope: String?
    let roles: [String]?

    private enum CodingKeys: String, CodingKey {
        case iss, sub, aud, exp, iat, nbf, jti, sid, amr, scope, roles
        case clientID = "client_id"
        case authTime = "auth_time"
    }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        // Not `decodeIfPresent`, which takes `null` for absent.
        func optional<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
            members.contains(key) ? try members.decode(Value.self, forKey: key) : nil
        }
        func name(_ key: CodingKeys) throws -> String {
            let text = try members.decode(String.self, forKey: key)
            guard !text.isEmpty else {
                throw DecodingError.dataCorruptedError(forKey: key, in: members, debugDescription: "It is empty.")
            }
            return text
        }
        iss = try members.decode(String.self, forKey: .iss)
        sub = try name(.sub)
        aud = try members.decode(Audience.self, forKey: .aud)
        exp = try members.decode(Time.self, forKey: .exp)
        iat = try members.decode(Time.self, forKey: .iat)
        nbf = try optional(.nbf)
        jti = try name(.jti)
        clientID = try name(.clientID)
        sid = members.contains(.sid) ? try name(.sid) : nil
        authTime = try optional(.authTime)
        amr = try optional(.amr)
        scope = try optional(.scope)
        roles = try optional(.roles)
    }

    /// One string or an array of them (RFC 7519 §4.1.3).
    struct Audience: Decodable {
        let values: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {  // not a string: then it must be an array
                values = [one]
            } else {
                values = try container.decode([String].self)
            }
        }
    }

    /// Seconds since 1970. Pawl writes whole ones; a fraction, or a time that no clock shows, fails the decoding.
    struct Time: Decodable {
        let seconds: Int64

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let value = try container.decode(Double.self)
            guard (0..<1e12).contains(value), let seconds = Int64(exactly: value) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "It is not a time.")
            }
            self.seconds = seconds
        }
    }

    var claims: AccessTokenClaims {
        AccessTokenClaims(
            issuer: iss, subject: sub, audience: aud.values, expiresAt: exp.seconds, issuedAt: iat.seconds, id: jti,
            clientID: clientID, sessionID: sid, authTime: authTime?.seconds, authMethods: amr ?? [],
            scope: scope?.split(separator: " ").map(String.init) ?? [], roles: roles ?? [])
    }
}
