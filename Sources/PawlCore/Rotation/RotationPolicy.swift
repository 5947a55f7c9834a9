/// Decides what a presented refresh token means, and what changes. Pure: the store asks it inside a transaction and writes
/// the change.
package struct RotationPolicy: Sendable {
    /// How long, in seconds, a spent token is taken for a racing or repeated request rather than for a copy; 0 = strict.
    package var leeway: Int64
    package var onReuse: ReuseResponse
    /// When no server ran. The leeway is longer by as much of it as came after the last turn.
    package var absences: [ClosedRange<UnixTime>] = []

    /// For how long, in seconds, after a turn the attempt that made it gets the same token again: the default leeway,
    /// and the 30 seconds for which Chromium keeps a new cookie from the disk.
    package static let steadyTime: Int64 = 60

    package init(leeway: Int64 = 30, onReuse: ReuseResponse = .end) {
        self.leeway = leeway
        self.onReuse = onReuse
    }

    /// What a store knows beside the token and the row.
    package struct Circumstances: Sendable {
        /// The known losses of writes, oldest first. A spent token issued in one is no proof of theft.
        package var losses: [Incident]
        /// For how many seconds since the session's last turn the database was out of reach: no client could come again.
        package var outage: Int64
        /// An earlier turn with the same token whose client got no answer. The token is judged as of when it first came.
        package var unanswered: Turn?

        package init(losses: [Incident] = [], outage: Int64 = 0, unanswered: Turn? = nil) {
            self.losses = losses
            self.outage = outage
            self.unanswered = unanswered
        }
    }

    struct Decision {
        let verdict: Verdict
        let effect: Effect
    }

    enum Effect {
        case none
        case turn
        /// Move the session on from the presented token, whatever generation the row has, and record the event.
        case recover(at: UnixTime, Event)
        case end(EndReason, Event)
        case record(Event)
    }

    /// What `turn` changes.
    /// - Parameters:
    ///   - session: the row, locked; nil if there is none.
    ///   - user: the session's user, locked; read only for a turn with a step-up.
    package func apply(
        _ turn: Turn, to session: Session?, of user: User? = nil, in circumstances: Circumstances
    ) -> Change {
        let presented = turn.presentation
        let decision = decide(presented, on: session, in: circumstances)
        guard let session else { return Change(decision.verdict, nil) }
        // The session can turn only since a moment ago: a recovery window was opened. To turn it now would say that the
        // password was proven, or changed. The client comes again, and then it is.
        if turn.isUnproven, decision.verdict == .rotate { return Change(.conflict, session) }
        var change = Change(decision.verdict, session)
        switch decision.effect {
        case .none:
            break
        case .record(let event):
            change.events = [event]
        case .end(let reason, let event):
            change.session = session.ended(at: presented.now, reason: reason)
            change.changesSession = true
            change.events = [event]
        case .turn:
            return self.turn(turn, to: session.turned(by: turn), from: session, of: user)
        case .recover(let now, let event):
            change = self.turn(turn, to: session.recovered(by: turn, at: now), from: session, of: user)
            if change.verdict == .rotate { change.events.append(event) }
        }
        return change
    }

    private func turn(_ turn: Turn, to next: Session, from session: Session, of user: User?) -> Change {
        var change = Change(.rotate, next)
        change.changesSession = true
        guard let stepUp = turn.stepUp else { return change }
        guard var user, !user.isDisabled, user.version == stepUp.userVersion else { return Change(.conflict, session) }
        let (now, origin) = (turn.presentation.now, turn.presentation.origin)
        change.events = [Event(.steppedUp, at: now, subject: user.id, session: next.id, origin: origin)]
        guard let password = stepUp.newPassword else { return change }
        user.password = password
        user.version += 1
        change.user = user
        change.events.append(Event(.passwordChanged, at: now, subject: user.id, session: next.id, origin: origin))
        change.endingOfOthers = SessionEnding(.revoked, at: now, origin: origin)
        return change
    }

    /// The verdict on a token. Changes nothing and makes nothing: also for a mere question.
    package func verdict(
        on presented: Presentation, of session: Session?, losses: [Incident]
    ) -> Verdict {
        decide(presented, on: session, in: Circumstances(losses: losses)).verdict
    }

    /// The table of verdicts, in its order.
    func decide(_ presented: Presentation, on session: Session?, in circumstances: Circumstances) -> Decision {
        let judgement = Judgement(policy: self, presented: presented, circumstances: circumstances)
        let decision = judgement.decide(on: session)
        guard presented.isDistrusted else { return decision }
        // A leaked secret makes a token for any session. The hash or the seal still proves the genuine holder; nothing
        // else may follow from such a token, least of all the end of a session.
        switch decision.verdict {
        case .rotate, .replay, .steady:
            if case .recover = decision.effect { return Decision(.invalid) }  // no hash speaks for it
            return decision
        case .conflict, .stale:  // tells nothing and ends nothing; an honest race must not sign out
            return Decision(decision.verdict)
        case .reuse, .diverged, .lost, .expired, .revoked, .wrongDelivery, .invalid: return Decision(.invalid)
        }
    }
}
