import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore
import PawlJWT

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An error on its way to the wire.
struct ProblemError: Error {
    let status: HTTPResponse.Status
    let code: Problem.Code
    let detail: String
    var reason: String?
    var headers = HTTPFields()

    init(
        _ status: HTTPResponse.Status, _ code: Problem.Code, _ detail: String, reason: String? = nil,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.reason = reason
        self.headers = headers
    }

    static func invalidRequest(_ detail: String) -> Self { Self(.badRequest, .invalidRequest, detail) }

    /// No credentials came: a challenge without `error` (RFC 6750 §3.1).
    static let unauthenticated = Self(
        .unauthorized, .invalidToken, "Send an access token.",
        headers: [.wwwAuthenticate: BearerChallenge().headerValue])

    static let malformedAuthorization: Self = {
        let detail = "Send one Authorization field: Bearer and an access token."
        let challenge = BearerChallenge(error: .invalidRequest, description: detail)
        return Self(.badRequest, .invalidRequest, detail, headers: [.wwwAuthenticate: challenge.headerValue])
    }()

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Self {
        let list = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        return Self(
            .methodNotAllowed, .methodNotAllowed, "This resource takes \(list).", headers: [.allow: list])
    }

    static func crossSiteRequest(_ publicURL: String) -> Self {
        Self(
            .forbidden, .crossSiteRequest,
            """
            A page that may not use this server sent this. Open pages at \(publicURL), or name their origin in the \
            setting origins.
            """)
    }

    static let notFound = Self(.notFound, .notFound, "There is nothing here.")

    /// What any error becomes. One that nobody foresaw tells the client nothing.
    init(_ error: any Error, logger: Logger) {
        switch error {
        case let error as ProblemError: self = error
        case let error as SessionError: self.init(error)
        case let error as AccessTokenError: self.init(error)
        case let error as StoreError:
            logger.error("The store failed", metadata: ["error": "\(error)"])
            self.init(SessionError.unavailable)
        default:
            logger.error("A request failed", metadata: ["error": "\(type(of: error))"])
            self.init(.internalServerError, .internalError, "Something went wrong here.")
        }
    }

    init(_ error: AccessTokenError) {
        guard error != .keysUnavailable else {
            self.init(.serviceUnavailable, .unavailable, error.description, headers: [.retryAfter: "1"])
            return
        }
        let challenge = BearerChallenge(error: .invalidToken, description: error.description)
        self.init(
            .unauthorized, .invalidToken, error.description, headers: [.wwwAuthenticate: challenge.headerValue])
    }

    var response: Response {
        let problem = Problem(
            title: status.reasonPhrase, status: status.code, detail: detail, code: code, reason: reason)
        var response = Response.json(problem, status: status)
        response.headers[.contentType] = Problem.contentType
        for field in headers { response.headers[field.name] = field.value }
        return response
    }
}

extension Response {
    static func json(_ body: some Encodable, status: HTTPResponse.Status = .ok) -> Self {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Response(
                status: status, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(body))))
        } catch {
            return Response(status: .internalServerError)  // strings, numbers and booleans always encode
        }
    }
}

extension HTTPField.Name {
    static let allow = Self("Allow")!
    static let retryAfter = Self("Retry-After")!
}
