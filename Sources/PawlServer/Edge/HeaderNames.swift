import HTTPTypes
import PawlAPI

extension HTTPField.Name {
    static let allow = Self("Allow")!
    static let attempt = Self(PawlHeader.attempt)!
    static let authenticationInfo = Self("Authentication-Info")!
    static let contentTypeOptions = Self("X-Content-Type-Options")!
    static let forwarded = Self("Forwarded")!
    static let forwardedFor = Self("X-Forwarded-For")!
    static let host = Self("Host")!
    static let referrerPolicy = Self("Referrer-Policy")!
    static let requestID = Self(PawlHeader.requestID)!
    static let retryAfter = Self("Retry-After")!
    static let secFetchSite = Self("Sec-Fetch-Site")!
}
