/// A refresh token as a request brought it, to refresh, step up or sign out with.
public struct PresentedToken: Sendable {
    public let refreshToken: String
    /// How the token came. A session's token travels one way only.
    public let delivery: Delivery
    /// The client's name for this try. A retry that repeats it gets the same successor.
    public let attempt: AttemptName?
    public let origin: Origin

    public init(refreshToken: String, delivery: Delivery, attempt: AttemptName?, origin: Origin) {
        self.refreshToken = refreshToken
        self.delivery = delivery
        self.attempt = attempt
        self.origin = origin
    }
}

extension PresentedToken: CustomStringConvertible, CustomReflectable {
    /// Without the credential.
    public var description: String { "PresentedToken from \(origin.address)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
