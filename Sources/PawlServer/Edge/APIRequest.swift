import Foundation
import HTTPTypes
import Hummingbird
import PawlAPI
import PawlCore
import PawlJOSE

/// One request as the routes see it: what came, from where, and the strict ways to read it.
struct APIRequest: Sendable {
    var request: Request
    /// All of it, of bounded size: Hummingbird's body can be read only once.
    var content: [UInt8]
    let pathParameter: String?
    let origin: Origin
    let sender: OriginPolicy.Sender
    /// The refresh token in the cookie.
    let cookie: String?
    /// How the refresh token is given to a browser.
    let refreshCookie: RefreshCookie

    /// How this client gets and sends its refresh token. A browser must not see one in a body, where scripts can read
    /// it.
    var delivery: Delivery {
        switch sender {
        case .program, .nativePage: .body
        case .page, .stranger: .cookie
        }
    }

    /// The refresh token in a body that holds nothing else. No body, `null` and an object without the member are no
    /// token: HTTP clients send such bodies where nobody asked for one (`axios.post(url, {})`).
    func bodyToken() throws -> String? {
        guard !content.isEmpty else { return nil }
        // Almost all bodies are read as they stand, without the decoder, which takes longer than the hash. Any other
        // goes the way of all.
        if request.headers[.contentType] == "application/json",
            let token = JSONText.onlyString("refresh_token", in: content)
        {
            return token
        }
        guard content != Array("null".utf8) else {
            try requireJSON()
            return nil
        }
        return try body(RefreshRequest.self).refreshToken
    }

    /// The refresh token: a browser's in its cookie, anybody else's in the body, never both.
    /// - Parameter member: what the body says.
    private func refreshToken(_ member: String?) throws -> String {
        switch (delivery, member) {
        case (.cookie, nil):
            guard let cookie else { throw SessionError.invalidRefreshToken }
            return cookie
        case (.cookie, _?):
            throw ProblemError.invalidRequest("A browser's refresh token comes in its cookie, not in the body.")
        case (.body, let token?): return token
        case (.body, nil): throw ProblemError.invalidRequest("The member refresh_token is missing.")
        }
    }

    /// - Parameter member: what the body says.
    func presentedToken(_ member: String?, as attempt: AttemptName?) throws -> PresentedToken {
        PresentedToken(
            refreshToken: try refreshToken(member), delivery: delivery, attempt: attempt, origin: origin)
    }

    /// A refresh token to sign out with: in the cookie or in the body, however it was delivered, since a leaked token must
    /// be of no use to its finder, and its owner may have it in the wrong place.
    func tokenToEnd(_ member: String?, as attempt: AttemptName?) throws -> PresentedToken? {
        guard cookie == nil || member == nil else {
            throw ProblemError.invalidRequest("Send one refresh token: in the cookie or in the body.")
        }
        return (member ?? cookie).map {
            PresentedToken(refreshToken: $0, delivery: delivery, attempt: attempt, origin: origin)
        }
    }

    private func requireJSON() throws {
        // `type/subtype ; charset=…` (RFC 9110 §8.3.1)
        let parts = (request.headers[.contentType] ?? "").utf8.split(
            separator: UInt8(ascii: ";"), omittingEmptySubsequences: false
        ).map { String(Substring($0)).trimmingCharacters(in: .whitespaces) }
        let isUTF8 = parts.dropFirst().allSatisfy {
            $0.isEmpty || $0.isASCII(equalTo: "charset=utf-8") || $0.isASCII(equalTo: "charset=\"utf-8\"")
        }
        guard let type = parts.first, type.isASCII(equalTo: "application/json"), isUTF8 else {
            throw ProblemError(.unsupportedMediaType, .unsupportedMediaType, "Send application/json in UTF-8.")
        }
    }

    /// The JSON object in the body: `application/json` in UTF-8, nothing guessed, no name twice.
    func body<Body: Decodable>(_ type: Body.Type) throws -> Body {
        try requireJSON()
        do {
            return try JSONText.decode(type, from: content)
        } catch is JSONText.NotPlainObject {
            throw ProblemError.invalidRequest("The body must be one UTF-8 JSON object without duplicate member names.")
        } catch DecodingError.keyNotFound(let key, _) {
            throw ProblemError.invalidRequest("The member \(key.stringValue) is missing.")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw ProblemError.invalidRequest(
                "The member \(context.codingPath.first?.stringValue ?? "") is of the wrong type.")
        } catch {
            throw ProblemError.invalidRequest("The body is not JSON.")
        }
    }

    /// The attempt that the client names, if it names one.
    func attempt() throws -> AttemptName? {
        let values = request.headers[values: .attempt]
        guard let value = values.first else { return nil }
        guard values.count == 1, let attempt = AttemptName(value) else {
            throw ProblemError.invalidRequest(
                "\(PawlHeader.attempt) takes one name of 16 to 255 visible ASCII characters.")
        }
        return attempt
    }

    /// The access token in the `Authorization` field, the only place where one is looked for (RFC 6750 §2.1).
    func accessToken() throws -> String? {
        switch BearerCredentials(authorization: request.headers[values: .authorization]) {
        case .none: nil
        case .token(let token): token
        case .malformed: throw ProblemError.malformedAuthorization
        }
    }
}
