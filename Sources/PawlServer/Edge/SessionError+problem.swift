import HTTPTypes
import PawlAPI
import PawlCore

extension ProblemError {
    /// The table of what each refusal is on the wire. At a refresh a 401 means that the session is over; nothing else
    /// does.
    init(_ error: SessionError) {
        func problem(
            _ status: HTTPResponse.Status, _ code: Problem.Code, reason: String? = nil, retryAfter: Int64? = nil
        ) -> ProblemError {
            var headers = HTTPFields()
            if let retryAfter { headers[.retryAfter] = String(retryAfter) }
            if status == .unauthorized { headers[.wwwAuthenticate] = BearerChallenge().headerValue }
            return ProblemError(status, code, error.description, reason: reason, headers: headers)
        }
        self =
            switch error.code {
            case .invalidRefreshToken: problem(.unauthorized, .invalidRefreshToken)
            case .sessionEnded(let reason): problem(.unauthorized, .sessionEnded, reason: reason.rawValue)
            case .refreshConflict: problem(.conflict, .refreshConflict, retryAfter: 1)
            case .sessionDiverged: problem(.serviceUnavailable, .sessionDiverged, retryAfter: 30)
            case .wrongDelivery: problem(.badRequest, .wrongDelivery)
            case .invalidCredentials: problem(.unauthorized, .invalidCredentials)
            case .throttled(let seconds): problem(.tooManyRequests, .tooManyRequests, retryAfter: seconds)
            case .busy(let seconds): problem(.serviceUnavailable, .unavailable, retryAfter: seconds)
            case .unavailable: problem(.serviceUnavailable, .unavailable, retryAfter: 1)
            case .identifierTaken: problem(.conflict, .identifierTaken)
            case .identifierRefused: problem(.badRequest, .invalidRequest)
            case .registrationClosed: problem(.forbidden, .registrationClosed)
            case .passwordRefused(.tooShort): problem(.badRequest, .passwordRefused, reason: "too_short")
            case .passwordRefused(.common): problem(.badRequest, .passwordRefused, reason: "common")
            case .passwordRefused(.containsIdentifier):
                problem(.badRequest, .passwordRefused, reason: "contains_identifier")
            case .wrongPassword: problem(.forbidden, .wrongPassword)
            case .stepUpLocked: problem(.forbidden, .stepUpLocked)
            case .insufficientAuthentication(let maxAge):
                ProblemError(
                    .unauthorized, .insufficientUserAuthentication, error.description,
                    headers: [
                        .wwwAuthenticate: BearerChallenge(error: .insufficientUserAuthentication, maxAge: maxAge)
                            .headerValue
                    ])
            case .noSuchSession, .noSuchUser: problem(.notFound, .notFound)
            }
    }
}
