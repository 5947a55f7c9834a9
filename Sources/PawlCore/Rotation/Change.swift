/// What a turn comes to, made by ``RotationPolicy/apply(_:to:of:in:)``. A store writes it in one transaction with the
/// reads that it was made from.
public struct Change: Sendable {
    public let verdict: Verdict
    /// The row afterwards; nil if there is none.
    public var session: Session?
    /// Whether the row differs from the one that was read.
    public var changesSession = false
    /// The user with a new password and version; nil if the user stays as they are.
    public var user: User?
    public var events: [Event] = []
    /// How the subject's other sessions end; nil if they go on.
    public var endingOfOthers: SessionEnding?

    init(_ verdict: Verdict, _ session: Session?) {
        self.verdict = verdict
        self.session = session
    }

    /// Whether this is a turn and nothing else, as the one statement of a store makes it.
    package var isPlainTurn: Bool { verdict == .rotate && events.isEmpty }
}

/// What a turn came to, after its commit.
public struct Outcome: Sendable {
    public let verdict: Verdict
    /// The row afterwards; nil if there is none.
    public let session: Session?
    /// What was recorded, the ends of the subject's other sessions included.
    public let events: [Event]

    public init(_ verdict: Verdict, _ session: Session?, events: [Event] = []) {
        self.verdict = verdict
        self.session = session
        self.events = events
    }
}
