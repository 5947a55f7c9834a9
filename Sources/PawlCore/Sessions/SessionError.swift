/// Why a request about a session or an account was refused. A struct with hidden code, so that reasons can be added;
/// the description is safe to show anyone.
package struct SessionError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        case invalidRefreshToken
        case sessionEnded(EndReason)
        case refreshConflict
        case sessionDiverged
        case wrongDelivery
        case invalidCredentials
        case throttled(retryAfter: Int64)
        case busy(retryAfter: Int64)
        case unavailable
        case identifierTaken
        case identifierRefused(Identifier.Refusal)
        case registrationClosed
        case passwordRefused(PasswordRules.Refusal)
        case wrongPassword
        case stepUpLocked
        case insufficientAuthentication(maxAge: Int64)
        case noSuchSession
        case noSuchUser
    }

    package let code: Code

    /// Malformed, or no master secret made it.
    package static let invalidRefreshToken = Self(code: .invalidRefreshToken)
    package static func sessionEnded(_ reason: EndReason) -> Self { Self(code: .sessionEnded(reason)) }
    package static let refreshConflict = Self(code: .refreshConflict)
    package static let sessionDiverged = Self(code: .sessionDiverged)
    /// The token of a cookie session came in a body, or the reverse.
    package static let wrongDelivery = Self(code: .wrongDelivery)
    /// Unknown identifier, wrong password or disabled user: nobody learns which.
    package static let invalidCredentials = Self(code: .invalidCredentials)
    /// Too many failures or registrations; seconds to wait.
    package static func throttled(retryAfter: Int64) -> Self { Self(code: .throttled(retryAfter: retryAfter)) }
    /// Too many passwords to hash, or too many tries of one account under way; seconds to wait.
    package static func busy(retryAfter: Int64) -> Self { Self(code: .busy(retryAfter: retryAfter)) }
    /// The database is away, or what it did is not known.
    package static let unavailable = Self(code: .unavailable)
    package static let identifierTaken = Self(code: .identifierTaken)
    /// Nobody new may have it.
    package static func identifierRefused(_ refusal: Identifier.Refusal) -> Self {
        Self(code: .identifierRefused(refusal))
    }
    package static let registrationClosed = Self(code: .registrationClosed)
    package static func passwordRefused(_ refusal: PasswordRules.Refusal) -> Self {
        Self(code: .passwordRefused(refusal))
    }
    /// The password given for a step-up or a change.
    package static let wrongPassword = Self(code: .wrongPassword)
    /// Too many wrong ones in this session.
    package static let stepUpLocked = Self(code: .stepUpLocked)
    /// `auth_time` is older than this many seconds (RFC 9470 §3).
    package static func insufficientAuthentication(maxAge: Int64) -> Self {
        Self(code: .insufficientAuthentication(maxAge: maxAge))
    }
    package static let noSuchSession = Self(code: .noSuchSession)
    package static let noSuchUser = Self(code: .noSuchUser)

    package var description: String {
        switch code {
        case .invalidRefreshToken: "This server did not issue this refresh token. Sign in again."
        case .sessionEnded(.expired): "The session has expired. Sign in again."
        case .sessionEnded(.signedOut): "The session was signed out. Sign in again."
        case .sessionEnded(.reused):
            "A refresh token of this session was used a second time, so somebody may have a copy. Sign in again."
        case .sessionEnded(.revoked): "The session was ended. Sign in again."
        case .sessionEnded(.stale):
            "This refresh token is too old: its session has been refreshed several times since. Sign in again."
        case .sessionEnded(.lost): "The server lost its record of this session. Sign in again."
        case .refreshConflict:
            "Another request has just used this refresh token. Repeat the request with the newest one."
        case .sessionDiverged:
            "The server has lost recent changes and cannot continue this session yet. You are still signed in; try again "
                + "later."
        case .wrongDelivery:
            "Send this refresh token the way it was issued: in the cookie, or in the JSON body."
        case .invalidCredentials: "The identifier or the password is wrong."
        case .throttled(let seconds): "Too many tries. Wait \(seconds) s."
        case .busy: "Too many sign-ins at once. Try again shortly."
        case .unavailable: "The service cannot answer at the moment. Nobody was signed out; try again shortly."
        case .identifierTaken: "This identifier is taken."
        case .identifierRefused(let refusal): refusal.description
        case .registrationClosed: "Registration is closed. Ask the operator for an account."
        case .passwordRefused(.tooShort(let minimum)): "The password must have at least \(minimum) characters."
        case .passwordRefused(.common):
            "This password is easy to guess: it is on the lists that attackers try first, or made of such passwords. "
                + "Choose another."
        case .passwordRefused(.containsIdentifier):
            "The password contains the identifier and little else. Choose another."
        case .wrongPassword: "The password is wrong."
        case .stepUpLocked: "Too many wrong passwords in this session. Sign out and sign in again."
        case .insufficientAuthentication: "Confirm your password to do this."
        case .noSuchSession: "There is no such session."
        case .noSuchUser: "There is no such user."
        }
    }
}
