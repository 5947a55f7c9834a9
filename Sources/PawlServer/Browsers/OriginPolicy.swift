import HTTPTypes
import Hummingbird
import PawlAPI

/// Whose pages may use this server.
struct OriginPolicy: Sendable {
    let own: WebOrigin
    let origins: Set<WebOrigin>
    let nativeOrigins: Set<WebOrigin>

    /// Who sent a request, by the fields that a browser adds and scripts cannot set.
    enum Sender: Equatable {
        /// A page of the own origin or of a configured one.
        case page(WebOrigin)
        /// The web view of an application, which keeps its refresh token itself.
        case nativePage(WebOrigin)
        /// A page of any other origin, or of one that its browser hides.
        case stranger
        /// No browser.
        case program
    }

    /// Compares to the letter: browsers write origins in one way only. A value of `Sec-Fetch-Site` that nobody knows, or
    /// several, speak for nobody.
    func sender(of headers: HTTPFields) -> Sender {
        let field = headers[.secFetchSite]
        let site = field.flatMap { FetchSite(rawValue: $0) }
        if field != nil, site == nil { return .stranger }
        guard let text = headers[.origin] else {
            if field == nil { return .program }
            return site == .sameOrigin ? .page(own) : .stranger
        }
        if let native = nativeOrigins.first(where: { $0.description == text }) { return .nativePage(native) }
        let isOwn = text == own.description
        guard let origin = isOwn ? own : origins.first(where: { $0.description == text }) else { return .stranger }
        let sites: Set<FetchSite> = isOwn ? [.sameOrigin] : [.sameOrigin, .sameSite, .crossSite]
        if let site, !sites.contains(site) { return .stranger }
        return .page(origin)
    }

    private enum FetchSite: String {
        case sameOrigin = "same-origin"
        case sameSite = "same-site"
        case crossSite = "cross-site"
        case none
    }
}

extension OriginPolicy.Sender {
    /// The origin that is named in the answer, for the browser to let the page read it (Fetch §3.3): never a wildcard,
    /// never one that was not configured. The own origin needs no permission, and nothing but the API is for pages.
    func allowReading(_ headers: inout HTTPFields, of request: Request, except own: WebOrigin) {
        let origin: WebOrigin
        switch self {
        case .page(let page): origin = page
        case .nativePage(let page): origin = page
        case .stranger, .program: return
        }
        guard origin != own, request.uri.path.hasPrefix("/auth/") else { return }
        headers[.accessControlAllowOrigin] = origin.description
        if case .page = self { headers[.accessControlAllowCredentials] = "true" }
        headers[.accessControlExposeHeaders] = "Retry-After, WWW-Authenticate, \(PawlHeader.requestID)"
    }
}

extension APIRequest {
    /// The answer to a browser that asks whether a page of a configured origin may send a request (Fetch §3.3.5);
    /// nil if this is no such question, or not from such a page.
    func preflight(for methods: some Sequence<HTTPRequest.Method>) -> Response? {
        guard request.method == .options, request.headers[.accessControlRequestMethod] != nil,
            request.uri.path.hasPrefix("/auth/")
        else { return nil }
        switch sender {
        case .stranger, .program: return nil
        case .page, .nativePage:
            return Response(
                status: .noContent,
                headers: [
                    .accessControlAllowMethods: methods.map(\.rawValue).sorted().joined(separator: ", "),
                    .accessControlAllowHeaders: "authorization, content-type, idempotency-key",
                    .accessControlMaxAge: "600",
                ])
        }
    }
}
