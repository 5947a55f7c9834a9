import HTTPTypes
import Hummingbird
import NIOCore
import PawlAPI
import PawlJOSE

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Response {
    /// A refusal with its challenge (RFC 6750 §3), as a returned answer: Hummingbird would make a response of a thrown
    /// error outside the middleware chain.
    static func refusal(
        _ status: HTTPResponse.Status, _ challenge: BearerChallenge, code: Problem.Code, detail: String
    ) -> Self {
        let problem = Problem(title: status.reasonPhrase, status: status.code, detail: detail, code: code)
        let body = (try? JSONEncoder().encode(problem)) ?? Data()  // strings and a number always encode
        return Response(
            status: status,
            headers: [
                .contentType: Problem.contentType, .cacheControl: "no-store",
                .wwwAuthenticate: challenge.headerValue,
                // For pages of other origins that may read this: what tells pawl.js that a refresh would help.
                .accessControlExposeHeaders: "WWW-Authenticate",
            ],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    static func refusal(of error: AccessTokenError) -> Self {
        guard error.isTemporary else {
            return .refusal(
                .unauthorized, BearerChallenge(error: .invalidToken, description: error.description),
                code: .invalidToken, detail: error.description)
        }
        var response = refusal(.serviceUnavailable, BearerChallenge(), code: .unavailable, detail: error.description)
        response.headers[.wwwAuthenticate] = nil
        response.headers[HTTPField.Name("Retry-After")!] = "1"
        return response
    }
}
