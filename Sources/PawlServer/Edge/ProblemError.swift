import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PawlAPI
import PawlCore
import PawlJOSE

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
    /// The kind under which an operator hears of it; nil for ordinary errors.
    var refusal: PawlMetrics.RefusedRequest?

    init(
        _ status: HTTPResponse.Status, _ code: Problem.Code, _ detail: String, reason: String? = nil,
        headers: HTTPFields = [:], refusal: PawlMetrics.RefusedRequest? = nil
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.reason = reason
        self.headers = headers
        self.refusal = refusal
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
            """, refusal: .crossSite)
    }

    static let notFound = Self(.notFound, .notFound, "No such resource.")

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
        guard !error.isTemporary else {
            self.init(.serviceUnavailable, .unavailable, error.description, headers: [.retryAfter: "1"])
            return
        }
        let challenge = BearerChallenge(error: .invalidToken, description: error.description)
        self.init(
            .unauthorized, .invalidToken, error.description, headers: [.wwwAuthenticate: challenge.headerValue])
    }

    /// The body of its answer (RFC 9457).
    var content: ByteBuffer {
        ByteBuffer(
            json: Problem(title: status.reasonPhrase, status: status.code, detail: detail, code: code, reason: reason))
            ?? ByteBuffer()
    }

    var response: Response {
        var response = Response(status: status, headers: headers, body: .init(byteBuffer: content))
        response.headers[.contentType] = Problem.contentType
        return response
    }
}

extension Response {
    static func json(_ body: some Encodable, status: HTTPResponse.Status = .ok) -> Self {
        guard let content = ByteBuffer(json: body) else { return Response(status: .internalServerError) }
        return Response(
            status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: content))
    }
}

extension ByteBuffer {
    /// Never nil in practice: strings, numbers and booleans always encode.
    fileprivate init?(json body: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let content = try? encoder.encode(body) else { return nil }
        self.init(bytes: content)
    }
}
