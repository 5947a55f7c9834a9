import Logging

extension SessionAuthority {
    /// Turns the session that `refreshToken` belongs to (RFC 6749 §6, RFC 9700 §4.14.2).
    /// - Parameters:
    ///   - delivery: how the token came; a session's token travels one way only.
    ///   - attempt: the client's name for this try; a retry that repeats it gets the same successor.
    public func refresh(
        _ refreshToken: String, delivery: Delivery, attempt: AttemptName?, origin: Origin
    ) async throws(SessionError) -> TokenGrant {
        let inForce = inForce
        let presented = try authenticate(refreshToken, under: inForce)
        return try await turn(
            presented, delivery: delivery, attempt: attempt, origin: origin, stepUp: nil, under: inForce)
    }

    /// The token, if it is authentic and its session may still live: no database work for any other.
    func authenticate(_ text: String, under inForce: InForce) throws(SessionError) -> RefreshToken {
        guard let token = RefreshToken(authenticating: text, with: inForce.secrets) else {
            metrics.count(.invalid)
            throw .invalidRefreshToken
        }
        // A token is spent within one idle time or never; its successor lives at most another one unused, and for so
        // long the retry of the turn that spent it is a replay (P5). Past both nothing can come of it: no look-up (P10).
        guard clock.now.age(since: token.issuedAt) <= 2 * inForce.lifetimes.idle else {
            metrics.count(.expired)
            throw .sessionEnded(.expired)
        }
        if let reason = dead[token.sessionID] {
            metrics.count(.revoked)
            throw .sessionEnded(reason)
        }
        return token
    }

    func turn(
        _ presented: RefreshToken, delivery: Delivery, attempt: AttemptName?, origin: Origin, stepUp: Turn.StepUp?,
        as operation: Operation = .refresh, under inForce: InForce
    ) async throws(SessionError) -> TokenGrant {
        let now = clock.now
        let successor = presented.successor(at: now, secrets: inForce.secrets, randomness: randomness)
        let turn = try makeTurn(
            presented, to: successor, delivery, attempt, origin, operation, stepUp, at: now, under: inForce)
        let outcome = try await stored { () async throws(StoreError) in try await store.rotate(turn, under: policy) }
        return try await settle(outcome, presented, successor, turn, under: inForce)
    }

    /// What a look at the row says, without changing it.
    func wouldTurn(
        _ presented: RefreshToken, on session: Session?, delivery: Delivery, attempt: AttemptName?, origin: Origin,
        under inForce: InForce
    ) throws(SessionError) -> Verdict {
        let turn = try makeTurn(
            presented, to: presented, delivery, attempt, origin, .refresh, nil, at: clock.now, under: inForce)
        return policy.decide(turn, on: session).verdict
    }

    private func makeTurn(
        _ presented: RefreshToken, to successor: RefreshToken, _ delivery: Delivery, _ attempt: AttemptName?,
        _ origin: Origin, _ operation: Operation, _ stepUp: Turn.StepUp?, at now: UnixTime, under inForce: InForce
    ) throws(SessionError) -> Turn {
        let keys = TokenKeys(of: presented)
        let seal: [UInt8]
        do {
            seal = try SuccessorSeal.seal(successor, under: presented, keys, randomness: randomness)
        } catch {
            logger.error("Sealing a refresh token failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
        return Turn(
            sessionID: presented.sessionID, generation: presented.generation, hash: presented.hash,
            issuedAt: presented.issuedAt, isDistrusted: inForce.secrets[presented.keyID]?.isDistrusted ?? true,
            attempt: attempt.map { keys.digest(of: $0) },
            successorAttempt: attempt.map { TokenKeys(of: successor).digest(of: $0) }, delivery: delivery,
            successorHash: successor.hash, successorSeal: seal, now: now, idleExpiry: now + inForce.lifetimes.idle,
            origin: origin, operation: operation, stepUp: stepUp)
    }

    private func settle(
        _ outcome: Outcome, _ presented: RefreshToken, _ successor: RefreshToken, _ turn: Turn,
        under inForce: InForce
    ) async throws(SessionError) -> TokenGrant {
        metrics.count(PawlMetrics.Refresh(outcome.verdict))
        switch (outcome.verdict, outcome.session) {
        case (.rotate, let session?):
            bury(outcome.endedOthers, .revoked, of: session.subject)
            if let stepUp = turn.stepUp {
                for kind in [.steppedUp] + (stepUp.newPassword == nil ? [] : [Event.Kind.passwordChanged]) {
                    logger.tell(
                        Event(kind, at: turn.now, subject: session.subject, session: session.id, origin: turn.origin))
                }
            }
            return try grant(session, successor, at: turn.now, under: inForce)
        case (.replay, let session?):
            // The successor of another turn must not stand for a proof or a password that it did not bring. Without a
            // name it may be a racing refresh's.
            if turn.operation != .refresh, turn.attempt == nil || session.turnedBy != turn.operation {
                throw .refreshConflict
            }
            guard let same = SuccessorSeal.open(session.seal, with: presented),
                constantTimeEquals(same.hash, session.hash)
            else {
                if turn.isDistrusted { throw .invalidRefreshToken }
                // Of another history than the row. What an operator says of it is for the policy to apply, once the
                // leeway is over and this looks like a replay no more.
                throw try await diverged(turn, on: session)
            }
            return try grant(session, same, isReplay: true, at: turn.now, under: inForce)
        case (.steady, let session?):
            return try grant(session, presented, isReplay: true, at: turn.now, under: inForce)
        case (.conflict, _):
            throw .refreshConflict
        case (.stale, _):
            throw .sessionEnded(.stale)
        case (.reuse, let session):
            if policy.onReuse == .end { bury([presented.sessionID], .reused, of: session?.subject) }
            logger.warning(
                "A spent refresh token came back",
                metadata: [
                    "event": .string(
                        (policy.onReuse == .end ? Event.Kind.sessionReused : .reuseReported).rawValue),
                    "session": "\(presented.sessionID)", "address": "\(turn.origin.address)",
                ])
            throw .sessionEnded(.reused)
        case (.revoked(let reason), let session):
            dead.insert(presented.sessionID, reason, of: session?.subject)
            throw .sessionEnded(reason)
        case (.lost, let session):
            // Unless the session lives on, and only this old token of it is refused.
            if session?.ending != nil { bury([presented.sessionID], .lost, of: session?.subject) }
            throw .sessionEnded(.lost)
        case (.expired, _):
            throw .sessionEnded(.expired)
        case (.wrongDelivery, _):
            logger.warning(
                "A refresh token came another way than it was delivered",
                metadata: [
                    "event": .string(Event.Kind.wrongDelivery.rawValue), "session": "\(presented.sessionID)",
                    "address": "\(turn.origin.address)",
                ])
            throw .wrongDelivery
        case (.invalid, _), (.rotate, nil), (.replay, nil), (.steady, nil):
            throw .invalidRefreshToken
        case (.diverged, let session):
            throw try await diverged(turn, on: session)
        }
    }
}
