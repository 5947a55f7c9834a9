import HTTPTypes

extension HTTPFields {
    /// The fields of every answer, errors included, unless the answer has its own.
    static let protection: HTTPFields = [
        .cacheControl: "no-store", .contentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
        .contentSecurityPolicy: "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ]
}
