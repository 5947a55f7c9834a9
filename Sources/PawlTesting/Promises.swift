package import Testing

/// The promises of the design: a test bears the ones that it holds.
extension Tag {
    /// Only registration, a login or a trusted service starts a session.
    @Tag package static var p1: Self
    /// Access tokens are checked offline and are short-lived.
    @Tag package static var p2: Self
    /// What is stored or logged gives no usable credential.
    @Tag package static var p3: Self
    /// Exactly one refresh token turns a session, atomically and durably.
    @Tag package static var p4: Self
    /// A retry is never punished.
    @Tag package static var p5: Self
    /// Theft shows.
    @Tag package static var p6: Self
    /// Revocation takes effect at once.
    @Tag package static var p7: Self
    /// A sign-out beats a refresh in flight.
    @Tag package static var p8: Self
    /// A session takes constant space.
    @Tag package static var p9: Self
    /// Floods stay cheap.
    @Tag package static var p10: Self
    /// Lost writes are not mistaken for theft.
    @Tag package static var p11: Self
    /// Bad input gets a clear error and changes nothing.
    @Tag package static var p12: Self
}
