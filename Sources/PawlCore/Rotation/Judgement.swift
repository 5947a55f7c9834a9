/// One look at the table of verdicts, in its order.
struct Judgement {
    let policy: RotationPolicy
    let presented: Presentation
    let circumstances: RotationPolicy.Circumstances

    typealias Decision = RotationPolicy.Decision

    func decide(on session: Session?) -> Decision {
        guard let session else { return Decision(.expired) }
        if let ending = session.ending { return Decision(.revoked(ending.reason)) }
        guard presented.now < session.deadlines.absolute else { return Decision(.expired) }
        // The last number has no next one: the counter never goes back to 0.
        guard presented.generation < .max else { return Decision(.invalid) }

        let isCurrent =
            presented.generation == session.chain.generation && constantTimeEquals(presented.hash, session.chain.hash)
        if isCurrent && presented.delivery != session.delivery { return misdelivered(session) }
        if presented.generation >= session.chain.generation && !isCurrent { return diverge(from: session) }
        guard presented.now < session.deadlines.idle else { return Decision(.expired) }
        if isCurrent { return isSteady(session) ? Decision(.steady) : Decision(.rotate, .turn) }
        return judgeSpent(of: session)
    }

    /// Whether the attempt that made the current token asks again so soon that one token can serve both. Pages that load
    /// one after the other repeat one name. Without turns between them, a browser that comes back from a crash with the
    /// cookie of half a minute ago is at most one turn behind.
    private func isSteady(_ session: Session) -> Bool {
        presented.kind == .refresh && presented.attempt != nil && presented.attempt == session.chain.currentAttempt
            && presented.now.age(since: session.chain.rotatedAt) < RotationPolicy.steadyTime
    }

    /// No token is given out another way than its session's. Refusals are the same for both ways: the content of a
    /// cookie in a body is as good an evidence of a copy.
    private func misdelivered(_ session: Session) -> Decision {
        Decision(.wrongDelivery, .record(evidence(.wrongDelivery, session)))
    }

    private func judgeSpent(of session: Session) -> Decision {
        let gap = Int(session.chain.generation - presented.generation)
        let spentBy = gap <= session.chain.attempts.count ? session.chain.attempts[gap - 1] : nil
        let isSameAttempt = presented.attempt != nil && presented.attempt == spentBy
        let leeway = leeway(for: session)
        // In whole seconds, so up to one second longer: the leeway is never shorter than it says.
        let isFresh = leeway > 0 && presented.now.age(since: session.chain.rotatedAt) <= leeway
        // A clock that was set back makes every token fresh for as long as that. Then only a name speaks for its holder.
        let isBehind = session.chain.rotatedAt > presented.now + DataLossRecord.clockStep
        if gap == 1 {
            if isSameAttempt || (isFresh && !isBehind && presented.attempt == nil && spentBy == nil) {
                return presented.delivery == session.delivery ? Decision(.replay) : misdelivered(session)
            }
            if isFresh {
                return Decision(
                    .conflict,
                    presented.origin == session.origin ? .none : .record(evidence(.refreshConflict, session)))
            }
        } else if isSameAttempt {
            // A request that was stuck on the way; or, if its holder comes again, an old token that a crash put back.
            return Decision(isFresh ? .conflict : .stale)
        }
        if incident != nil { return diverge(from: session) }
        switch policy.onReuse {
        case .end: return Decision(.reuse, .end(.reused, evidence(.sessionReused, session)))
        case .report: return Decision(.reuse, .record(evidence(.reuseReported, session)))
        }
    }

    /// The configured leeway, longer by the time in which the client could not come or got no answer.
    private func leeway(for session: Session) -> Int64 {
        var leeway = policy.leeway
        if leeway > 0 { leeway += max(circumstances.outage, absence(since: session.chain.rotatedAt)) }
        // Where the unanswered turn was committed, its client is still owed the answer.
        if let unanswered = circumstances.unanswered, leeway > 0 || session.chain.hash == unanswered.successor.hash {
            let since = presented.now.age(since: unanswered.presentation.now)
            leeway = max(leeway, since + max(1, policy.leeway))
        }
        return leeway
    }

    /// For how many seconds since a moment no server ran.
    private func absence(since turn: UnixTime) -> Int64 {
        policy.absences.reduce(0) { sum, span in
            // A turn from after the last sign of life was made by the server that came back.
            guard turn <= span.lowerBound + 2 * DataLoss.pulse else { return sum }
            return sum + min(span.upperBound, presented.now).age(since: max(span.lowerBound, turn))
        }
    }

    private var incident: Incident? { circumstances.losses.first { $0.lost.contains(presented.issuedAt) } }

    /// A token of a history that the database does not know: what becomes of it is an operator's to say.
    private func diverge(from session: Session) -> Decision {
        guard let incident else {
            // Each turn comes after the one before it, and none in the future. A token that is ahead of the row and older
            // than the row's last turn, or from the future, was made with the master secret, not by a turn.
            // But the clock may have been set in between, or be another database's: one was ahead, the other is behind.
            let margin = DataLossRecord.margin + 2 * DataLossRecord.clockStep
            let isImpossible =
                presented.generation > session.chain.generation
                && (presented.issuedAt < session.chain.rotatedAt - margin
                    || presented.issuedAt > presented.now + margin)
            return Decision(isImpossible ? .invalid : .diverged)
        }
        let isAhead = presented.generation >= session.chain.generation
        switch incident.state(at: presented.now) {
        case .undecided:
            return Decision(.diverged)
        case .open(let opening):
            // Forward only, and once in a window: of two copies of the same history one goes on.
            if isAhead, session.chain.recoveredAt.map({ $0 < opening }) ?? true {
                guard presented.delivery == session.delivery else { return misdelivered(session) }
                let event = Event(
                    .sessionRecovered, at: presented.now, subject: session.subject, session: session.id,
                    origin: presented.origin,
                    details: ["generation_gap": String(presented.generation - session.chain.generation)])
                // This node's clock may be behind that of the node that opened it.
                return Decision(.rotate, .recover(at: max(presented.now, opening), event))
            }
        case .closed:
            break
        }
        // Once a session has gone on, older tokens of the interval are stuck requests and old copies: no harm to it.
        if !isAhead, let recoveredAt = session.chain.recoveredAt, recoveredAt >= incident.detectedAt {
            return Decision(.lost)
        }
        let ending = SessionEnding(.lost, at: presented.now, origin: presented.origin)
        return Decision(.lost, .end(.lost, ending.event(for: session.id, of: session.subject)))
    }

    /// What both sides looked like: the request at hand, and the one that holds the current token.
    private func evidence(_ kind: Event.Kind, _ session: Session) -> Event {
        Event(
            kind, at: presented.now, subject: session.subject, session: session.id, origin: presented.origin,
            details: [
                "generation_gap": String(Int64(session.chain.generation) - Int64(presented.generation)),
                "seconds_since_rotation": String(presented.now.age(since: session.chain.rotatedAt)),
                "holder_address": session.origin.address,
                "holder_user_agent": session.origin.userAgent,
            ])
    }
}

extension RotationPolicy.Decision {
    init(_ verdict: Verdict, _ effect: RotationPolicy.Effect = .none) {
        self.init(verdict: verdict, effect: effect)
    }
}
