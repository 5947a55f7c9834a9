/// What became of a turn.
package enum Verdict: Sendable, Hashable {
    /// The presented token was the current one and is now spent.
    case rotate
    /// A benign repeat: the same successor again.
    case replay
    /// The attempt that made the current token comes with that token, soon after: the same token again, and no turn.
    case steady
    /// Spent a moment ago by a differently named attempt: refused without alarm.
    case conflict
    /// An old token with the attempt that spent it: its holder is no thief, but has missed turns. The session lives.
    case stale
    /// Somebody else holds a copy of the token.
    case reuse
    /// The token is authentic, but the database's history does not know it: the database has lost writes.
    case diverged
    /// The same, after an operator has given up the lost writes.
    case lost
    case expired
    case revoked(EndReason)
    /// The token came in the cookie and belongs in the body, or the other way round.
    case wrongDelivery
    /// No turn of this server can have made it, or only a distrusted secret vouches for it.
    case invalid
}
