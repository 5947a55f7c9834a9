/// What a turn comes to, made by ``RotationPolicy/apply(_:to:of:in:)``. A store writes it in one transaction with the
/// reads that it was made from.
package struct Change: Sendable {
    package let verdict: Verdict
    /// The row afterwards; nil if there is none.
    package var session: Session?
    /// Whether the row differs from the one that was read.
    package var changesSession = false
    /// The user with a new password and version; nil if the user stays as they are.
    package var user: User?
    package var events: [Event] = []
    /// How the subject's other sessions end; nil if they go on.
    package var endingOfOthers: SessionEnding?

    init(_ verdict: Verdict, _ session: Session?) {
        self.verdict = verdict
        self.session = session
    }

    /// Whether this is a turn and nothing else, as the one statement of a store makes it.
    package var isPlainTurn: Bool { verdict == .rotate && events.isEmpty }
}

/// What a turn came to, after its commit.
package struct Outcome: Sendable {
    package let verdict: Verdict
    /// The row afterwards; nil if there is none.
    package let session: Session?
    /// What was recorded, the ends of the subject's other sessions included.
    package let events: [Event]

    package init(_ verdict: Verdict, _ session: Session?, events: [Event] = []) {
        self.verdict = verdict
        self.session = session
        self.events = events
    }
}
