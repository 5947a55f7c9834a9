import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// `POST /auth/register`
    func register(_ exchange: Exchange) async throws -> Response {
        let (attempt, credentials) = (try exchange.attempt(), try exchange.credentials())
        let grant = try await accounts.register(credentials, origin: exchange.origin, delivery: exchange.delivery)
        try await endSession(ofCookieIn: exchange, under: attempt)
        return .tokens(grant, to: exchange, status: .created)
    }

    /// `POST /auth/login`
    func login(_ exchange: Exchange) async throws -> Response {
        let (attempt, credentials) = (try exchange.attempt(), try exchange.credentials())
        let grant = try await accounts.login(credentials, origin: exchange.origin, delivery: exchange.delivery)
        try await endSession(ofCookieIn: exchange, under: attempt)
        return .tokens(grant, to: exchange)
    }
}

extension Exchange {
    fileprivate func credentials() throws -> Credentials {
        let body = try body(SignInRequest.self)
        return Credentials(
            identifier: try identifier(body.identifier), password: try password(body.password),
            device: body.device ?? "")
    }

    func identifier(_ text: String) throws -> Identifier {
        guard let identifier = Identifier(text) else {
            throw ProblemError.invalidRequest(
                "The identifier must have 1 to 254 bytes and no control characters.")
        }
        return identifier
    }

    func password(_ text: String) throws -> Password {
        guard let password = Password(text) else {
            throw ProblemError.invalidRequest("A password has at most 1,024 bytes.")
        }
        return password
    }
}
