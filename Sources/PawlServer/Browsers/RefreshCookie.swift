import HTTPTypes
import PawlAPI

/// The cookie that holds a browser's refresh token, out of reach of scripts and of other sites.
struct RefreshCookie: Sendable {
    let path: CookiePath

    var name: String { path == .root ? PawlCookie.hostName : PawlCookie.pathName }

    /// The token that came along, if any. Looks at bytes, as browsers do: for a `Character`, other scalars are a semicolon
    /// too, and a mark before one hides it.
    func value(in headers: HTTPFields) throws -> String? {
        guard headers.contains(.cookie) else { return nil }
        let start = Array("\(name)=".utf8)
        let values = headers[values: .cookie].flatMap { $0.utf8.split(separator: UInt8(ascii: ";")) }
            .map { $0.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }
            .filter { $0.starts(with: start) }
            .map { String(Substring($0.dropFirst(start.count))) }
        // One of the two was put there by somebody else, and nothing tells which (RFC 6265 §8.6).
        guard values.count <= 1 else {
            throw ProblemError(
                .badRequest, .duplicateCookie, "Two cookies are called \(name). Delete the cookies of this site.")
        }
        return values.first
    }

    /// Kept for as long as the session may be idle (RFC 6265bis §5.6). Without `Domain`, so that siblings do not get it.
    func holding(_ token: String, maxAge: Int64) -> HTTPField {
        HTTPField(
            name: .setCookie,
            value: "\(name)=\(token); Path=\(path.rawValue); Max-Age=\(maxAge); Secure; HttpOnly; SameSite=Strict")
    }

    /// The same name, path and attributes, or browsers would keep it.
    var cleared: HTTPField { holding("", maxAge: 0) }
}

/// For which paths browsers send the refresh cookie.
public enum CookiePath: String, Sendable, CaseIterable {
    /// All of them. No other host can set such a cookie: its name begins with `__Host-`.
    case root = "/"
    /// Those of the API alone, for where Pawl shares its origin with an application that need not see the cookie. The
    /// name can only begin with `__Secure-` then, which does not keep siblings from setting it.
    case auth = "/auth"
}
