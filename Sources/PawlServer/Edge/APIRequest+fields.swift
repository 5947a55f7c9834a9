import Foundation
import Hummingbird
import PawlAPI
import PawlCore

/// What routes read from bodies, paths and queries.
extension APIRequest {
    func credentials() throws -> Credentials {
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

    /// A page of sessions, as the query asks for it.
    /// - Parameter find: those after one, in the list's order, at most so many.
    func sessionPage(
        current: SessionID?, _ find: (SessionID?, Int) async throws -> [Session]
    ) async throws -> Response {
        let cursor = try query("after", is: "a session's id") { SessionID($0) }
        let limit = try limit()
        let found = try await find(cursor, limit + 1)
        let page = found.prefix(limit)
        return .json(
            SessionList(
                sessions: page.map { SessionDescription($0, current: current) },
                next: found.count > limit ? page.last?.id.description : nil))
    }

    func sessionID() throws -> SessionID {
        guard let id = pathParameter.flatMap({ SessionID($0) }) else { throw SessionError.noSuchSession }
        return id
    }

    func userIdentifier() throws -> Identifier {
        guard let identifier = pathParameter?.removingPercentEncoding.flatMap({ Identifier($0) }) else {
            throw SessionError.noSuchUser
        }
        return identifier
    }

    func check(roles: [String]?, scope: [String]?) throws {
        guard isValidScopeList(roles ?? []), isValidScopeList(scope ?? []) else {
            throw ProblemError.invalidRequest(
                "Roles and scopes are up to 32 different words of 1 to 64 printable ASCII characters.")
        }
    }

    /// What the query says under `name`, if it is there; something else there is an error, not a default.
    func query<Value>(_ name: String, is rule: String, _ read: (String) -> Value?) throws -> Value? {
        guard let text = request.uri.queryParameters.get(name) else { return nil }
        guard let value = read(text) else { throw ProblemError.invalidRequest("\(name) takes \(rule).") }
        return value
    }

    /// How many rows to answer: 100 unless asked otherwise.
    func limit() throws -> Int {
        try query("limit", is: "a number from 1 to 1,000") { Int($0).flatMap { 1...1000 ~= $0 ? $0 : nil } } ?? 100
    }

    func time(_ text: String) throws -> UnixTime {
        guard let time = UnixTime(rfc3339: text) else {
            throw ProblemError.invalidRequest("A time is written like 2026-11-25T14:30:00Z.")
        }
        return time
    }
}
