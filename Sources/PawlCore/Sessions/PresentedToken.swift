/// A refresh token as a request brought it, to refresh, step up or sign out with.
package struct PresentedToken: Sendable {
    package let refreshToken: String
    /// How the token came. A session's token travels one way only.
    package let delivery: Delivery
    /// The client's name for this try. A retry that repeats it gets the same successor.
    package let attempt: AttemptName?
    package let origin: Origin

    package init(refreshToken: String, delivery: Delivery, attempt: AttemptName?, origin: Origin) {
        self.refreshToken = refreshToken
        self.delivery = delivery
        self.attempt = attempt
        self.origin = origin
    }
}

extension PresentedToken: CustomStringConvertible, CustomReflectable {
    /// Without the credential.
    package var description: String { "PresentedToken from \(origin.address)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
