public import PawlCore
public import PawlJOSE

/// What a Pawl server can be told. The defaults are safe.
public struct PawlConfiguration: Sendable {
    /// The server's own URL as clients write it, an origin without a path: the `iss` of its access tokens and its own
    /// origin. `https` in production (RFC 8414 §2).
    public var publicURL: String
    /// Whose pages may use this server besides its own, with the refresh token in a cookie.
    public var origins: Set<WebOrigin> = []
    /// Web views of applications, which get the refresh token in the body and keep it themselves:
    /// `capacitor://localhost`.
    public var nativeOrigins: Set<WebOrigin> = []
    /// The path that browsers send the refresh cookie to.
    public var cookiePath: CookiePath = .root
    /// The APIs that access tokens are for: what they name as `aud`, after the public URL.
    public var audience: [String] = []
    /// How long access tokens and sessions live.
    public var lifetimes = Lifetimes()
    /// How many sessions a user has at most; a sign-in above it ends the least recently used.
    public var sessionsPerUser = 100
    /// Seconds that a spent refresh token is taken for a race or a repeat; 0 is strict.
    public var leeway: Int64 = 30
    /// What to do when a spent refresh token comes back.
    public var onReuse: ReuseResponse = .end
    /// Whether anybody may make an account.
    public var isRegistrationOpen = false
    /// Characters (8 to 64) that a new password has at least; below 15 only with a second factor.
    public var minimumPasswordLength = 15
    /// How failed sign-ins and registrations are slowed down.
    public var throttle = LoginThrottle()
    /// Proxies whose `X-Forwarded-For` and `Forwarded` fields are believed.
    public var trustedProxies: [IPNetwork] = []
    /// How access tokens are signed. Another algorithm begins with the next key.
    public var signingAlgorithm: SignatureAlgorithm = .es256
    /// Seconds that a signing key is in use.
    public var keyPeriod: Int64 = 90 * 86400
    /// Seconds that events are kept.
    public var eventRetention: Int64 = 365 * 86400
    /// Bytes of target and header fields that a request to the API may have. A larger head is answered 431.
    public var maximumHeadSize = 16 * 1024
    /// Bytes of the largest request body that is read.
    public var maximumBodySize = 16 * 1024

    /// Makes the default configuration of a server.
    /// - Parameter publicURL: its own URL, without a path.
    public init(publicURL: String) {
        self.publicURL = publicURL.last == "/" ? String(publicURL.dropLast()) : publicURL
    }

    var options: Engine.Options {
        var options = Engine.Options(issuer: publicURL)
        options.audience = audience
        options.policy = RotationPolicy(leeway: leeway, onReuse: onReuse)
        options.sessionsPerUser = sessionsPerUser
        options.schedule = KeySchedule(
            algorithm: signingAlgorithm, period: keyPeriod, accessLifetime: Lifetimes.longestAccess)
        options.passwordRules = PasswordRules(minimumLength: minimumPasswordLength, extraBlocked: siteNames)
        options.isRegistrationOpen = isRegistrationOpen
        options.throttle = throttle
        return options
    }

    /// The host of the public URL and its parts: what attackers put into passwords for this site.
    var siteNames: [String] {
        guard let host = publicURL.split(separator: "/").last?.split(separator: ":").first else { return [] }
        return [String(host)] + host.split(separator: ".").map(String.init)
    }
}
