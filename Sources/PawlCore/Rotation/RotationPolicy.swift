/// Decides what a presented refresh token means. Pure: the store asks it inside a transaction and applies the effect.
public struct RotationPolicy: Sendable {
    /// How long, in seconds, a spent token is taken for a racing or repeated request rather than for a copy; 0 = strict.
    public var leeway: Int64
    public var onReuse: ReuseResponse
    /// The losses of writes that are known, oldest first. A spent token issued in one is no proof of theft.
    public var incidents: [Incident]

    /// For how long, in seconds, after a turn the attempt that made it gets the same token again: the default leeway,
    /// and the 30 seconds for which Chromium keeps a new cookie from the disk.
    package static let steadyTime: Int64 = 60

    public init(leeway: Int64 = 30, onReuse: ReuseResponse = .end, incidents: [Incident] = []) {
        self.leeway = leeway
        self.onReuse = onReuse
        self.incidents = incidents
    }

    /// What to do when a copied token shows.
    public enum ReuseResponse: String, Sendable, CaseIterable {
        /// End the session (RFC 9700 §4.14.2).
        case end
        /// Refuse the token and record the evidence, but let the session live: for a first week in production.
        case report
    }

    public struct Decision: Sendable {
        public let verdict: Verdict
        public let effect: Effect
    }

    /// What the store does, in the same transaction.
    public enum Effect: Sendable {
        case none
        case turn
        /// Move the session on from the presented token, whatever generation the row has, and record the event.
        case recover(at: UnixTime, Event)
        case end(EndReason, Event)
        case record(Event)
    }

    /// The table of verdicts, in its order.
    public func decide(_ turn: Turn, on session: Session?) -> Decision {
        let decision = decideTrusting(turn, on: session)
        // The session can turn only since a moment ago: a recovery window was opened. To turn it now would say that the
        // password was proven, or changed. The client comes again, and then it is.
        if turn.isUnproven, decision.verdict == .rotate { return Decision(.conflict) }
        guard turn.isDistrusted else { return decision }
        // Whoever has the leaked secret can make a token for any session. The hash or the seal still proves the
        // genuine holder; nothing else may follow from such a token, least of all the end of a session.
        switch decision.verdict {
        case .rotate, .replay, .steady:
            if case .recover = decision.effect { return Decision(.invalid) }  // no hash speaks for it
            return decision
        case .conflict, .stale:  // tells nothing and ends nothing; an honest race must not sign out
            return Decision(decision.verdict)
        case .reuse, .diverged, .lost, .expired, .revoked, .wrongDelivery, .invalid: return Decision(.invalid)
        }
    }

    private func decideTrusting(_ turn: Turn, on session: Session?) -> Decision {
        guard let session else { return Decision(.expired) }
        if let ending = session.ending { return Decision(.revoked(ending.reason)) }
        guard turn.now < session.absoluteExpiry else { return Decision(.expired) }
        // The last number has no next one: the counter never goes back to 0.
        guard turn.generation < .max else { return Decision(.invalid) }

        let isCurrent = turn.generation == session.generation && constantTimeEquals(turn.hash, session.hash)
        if isCurrent && turn.delivery != session.delivery { return misdelivered(turn, session) }
        if turn.generation >= session.generation && !isCurrent { return diverge(turn, from: session) }
        guard turn.now < session.idleExpiry else { return Decision(.expired) }
        if isCurrent { return isSteady(turn, session) ? Decision(.steady) : Decision(.rotate, .turn) }
        return judgeSpent(turn, of: session)
    }

    /// Whether the attempt that made the current token asks again so soon that one token can serve both. Pages that load
    /// one after the other repeat one name. Without turns between them, a browser that comes back from a crash with the
    /// cookie of half a minute ago is at most one turn behind.
    private func isSteady(_ turn: Turn, _ session: Session) -> Bool {
        turn.operation == .refresh && turn.attempt != nil && turn.attempt == session.currentAttempt
            && turn.now.age(since: session.rotatedAt) < Self.steadyTime
    }

    /// No token is given out another way than its session's. Refusals are the same for both ways: the content of a
    /// cookie in a body is as good an evidence of a copy.
    private func misdelivered(_ turn: Turn, _ session: Session) -> Decision {
        Decision(.wrongDelivery, .record(evidence(.wrongDelivery, turn, session)))
    }

    private func judgeSpent(_ turn: Turn, of session: Session) -> Decision {
        let gap = Int(session.generation - turn.generation)
        let spentBy = gap <= session.attempts.count ? session.attempts[gap - 1] : nil
        let isSameAttempt = turn.attempt != nil && turn.attempt == spentBy
        // In whole seconds, so up to one second longer: the leeway is never shorter than it says.
        let isFresh = leeway > 0 && turn.now.age(since: session.rotatedAt) <= leeway
        if gap == 1 {
            if isSameAttempt || (isFresh && turn.attempt == nil && spentBy == nil) {
                return turn.delivery == session.delivery ? Decision(.replay) : misdelivered(turn, session)
            }
            if isFresh {
                return Decision(
                    .conflict,
                    turn.origin == session.origin ? .none : .record(evidence(.refreshConflict, turn, session)))
            }
        } else if isSameAttempt {
            // A request that was stuck on the way; or, if its holder comes again, an old token that a crash put back.
            return Decision(isFresh ? .conflict : .stale)
        }
        if incident(of: turn) != nil { return diverge(turn, from: session) }
        switch onReuse {
        case .end: return Decision(.reuse, .end(.reused, evidence(.sessionReused, turn, session)))
        case .report: return Decision(.reuse, .record(evidence(.reuseReported, turn, session)))
        }
    }

    private func incident(of turn: Turn) -> Incident? { incidents.first { $0.lost.contains(turn.issuedAt) } }

    /// A token of a history that the database does not know: what becomes of it is an operator's to say.
    private func diverge(_ turn: Turn, from session: Session) -> Decision {
        guard let incident = incident(of: turn) else {
            // Each turn comes after the one before it. What is ahead of the row and older than the row's last turn was
            // made by whoever has a master secret.
            let isImpossible =
                turn.generation > session.generation && turn.issuedAt < session.rotatedAt - RecoveryRecord.margin
            return Decision(isImpossible ? .invalid : .diverged)
        }
        let isAhead = turn.generation >= session.generation
        switch incident.state(at: turn.now) {
        case .undecided:
            return Decision(.diverged)
        case .open(let opening):
            // Forward only, and once in a window: of two copies of the same history one goes on.
            if isAhead, session.recoveredAt.map({ $0 < opening }) ?? true {
                guard turn.delivery == session.delivery else { return misdelivered(turn, session) }
                let event = Event(
                    .sessionRecovered, at: turn.now, subject: session.subject, session: session.id,
                    origin: turn.origin, details: ["generation_gap": String(turn.generation - session.generation)])
                // This node's clock may be behind that of the node that opened it.
                return Decision(.rotate, .recover(at: max(turn.now, opening), event))
            }
        case .closed:
            break
        }
        // Once a session has gone on, older tokens of the interval are stuck requests and old copies: no harm to it.
        if !isAhead, let recoveredAt = session.recoveredAt, recoveredAt >= incident.detectedAt {
            return Decision(.lost)
        }
        let ending = PlannedEnding(.lost, at: turn.now, origin: turn.origin)
        return Decision(.lost, .end(.lost, ending.event(for: session.id, of: session.subject)))
    }

    /// What both sides looked like: the request at hand, and the one that holds the current token.
    private func evidence(_ kind: Event.Kind, _ turn: Turn, _ session: Session) -> Event {
        Event(
            kind, at: turn.now, subject: session.subject, session: session.id, origin: turn.origin,
            details: [
                "generation_gap": String(Int64(session.generation) - Int64(turn.generation)),
                "seconds_since_rotation": String(turn.now.age(since: session.rotatedAt)),
                "holder_address": session.origin.address,
                "holder_user_agent": session.origin.userAgent,
            ])
    }
}

extension RotationPolicy.Decision {
    fileprivate init(_ verdict: Verdict, _ effect: RotationPolicy.Effect = .none) {
        self.init(verdict: verdict, effect: effect)
    }
}
