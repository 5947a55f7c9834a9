/// What to do when a copied token shows.
public enum ReuseResponse: String, Sendable, CaseIterable {
    /// End the session (RFC 9700 §4.14.2).
    case end
    /// Refuse the token and record the evidence, but let the session live: for a first week in production.
    case report
}
