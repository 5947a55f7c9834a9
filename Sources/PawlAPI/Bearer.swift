/// What a request's `Authorization` fields hold (RFC 6750 §2.1).
public enum BearerCredentials: Sendable, Equatable {
    case none
    case token(String)
    /// More than one field, or no token68 behind the scheme. Another scheme counts as none (RFC 6750 §3.1).
    case malformed

    /// Reads the values of all `Authorization` fields of a request (RFC 6750 §2.1).
    public init(authorization fields: [String]) {
        guard let field = fields.first else {
            self = .none
            return
        }
        let parts = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard fields.count == 1 else {
            self = .malformed
            return
        }
        guard parts[0].lowercased() == "bearer" else {
            self = .none
            return
        }
        guard parts.count == 2 else {
            self = .malformed
            return
        }
        let token = parts[1].drop { $0 == " " }
        self = !token.isEmpty && token.utf8.allSatisfy(Self.isToken68) ? .token(String(token)) : .malformed
    }

    private static func isToken68(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}

/// The value of `WWW-Authenticate` (RFC 6750 §3): without `error` where no credentials came, each parameter once.
public struct BearerChallenge: Sendable {
    /// Why the request was refused; nil where it brought no credentials (RFC 6750 §3.1).
    public var error: Problem.Code?
    /// A sentence for the developer of the client.
    public var description: String?
    /// The scope that the request needs, its words separated by spaces.
    public var scope: String?
    /// Seconds (RFC 9470 §3).
    public var maxAge: Int64?

    /// Makes a challenge.
    /// - Parameter maxAge: seconds since the last proof of identity that are allowed at most (RFC 9470 §3).
    public init(error: Problem.Code? = nil, description: String? = nil, scope: String? = nil, maxAge: Int64? = nil) {
        self.error = error
        self.description = description
        self.scope = scope
        self.maxAge = maxAge
    }

    /// The value of `WWW-Authenticate`.
    public var headerValue: String {
        var parameters = ["realm=\"pawl\""]
        if let error { parameters.append("error=\"\(error.rawValue)\"") }
        if let description { parameters.append("error_description=\"\(Self.plain(description))\"") }
        if let scope { parameters.append("scope=\"\(Self.plain(scope))\"") }
        if let maxAge { parameters.append("max_age=\"\(maxAge)\"") }
        return "Bearer " + parameters.joined(separator: ", ")
    }

    /// The characters that RFC 6750 §3 allows: printable ASCII but quote and backslash.
    private static func plain(_ text: String) -> String {
        String(
            text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) && $0 != "\"" && $0 != "\\" }.map(
                Character.init))
    }
}
