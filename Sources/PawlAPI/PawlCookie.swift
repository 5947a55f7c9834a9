/// What the cookie with a browser's refresh token is called (RFC 6265bis §4.1.3).
public enum PawlCookie {
    /// With `Path=/`. Browsers that know the prefix set it from HTTP alone, never from a script; older ones see
    /// `__Host-` and keep it to this host.
    public static let hostName = "__Host-Http-pawl"
    /// With `Path=/auth`, which the longer prefixes do not allow.
    public static let pathName = "__Secure-pawl"
}
