import Logging

extension Sessions {
    /// Turns the session that the request's refresh token belongs to (RFC 6749 §6, RFC 9700 §4.14.2).
    /// - Throws: ``SessionError``: the token is garbage, its session has ended, or the request raced with another.
    package func refresh(_ request: PresentedToken) async throws(SessionError) -> TokenGrant {
        let settings = self.settings
        let token = try authenticate(request.refreshToken, under: settings)
        return try await turn(token, by: request, under: settings)
    }

    /// The token, if it is authentic and its session may still live: no database work for any other.
    func authenticate(_ text: String, under settings: LiveSettings) throws(SessionError) -> RefreshToken {
        guard let token = RefreshToken(authenticating: text, with: settings.secrets) else {
            metrics.count(.invalid)
            throw .invalidRefreshToken
        }
        // A token is spent within one idle time or never; its successor lives at most another one unused, and for so
        // long the retry of the turn that spent it is a replay (P5). Past both nothing can come of it: no look-up (P10).
        guard clock.now.age(since: token.issuedAt) <= 2 * settings.lifetimes.idle else {
            metrics.count(.expired)
            throw .sessionEnded(.expired)
        }
        if let reason = ended[token.sessionID] {
            metrics.count(.revoked)
            throw .sessionEnded(reason)
        }
        return token
    }

    func turn(
        _ token: RefreshToken, by request: PresentedToken, as kind: TurnKind = .refresh, with stepUp: StepUp? = nil,
        under settings: LiveSettings
    ) async throws(SessionError) -> TokenGrant {
        let (now, keys) = (clock.now, TokenKeys(of: token))
        let successor = token.successor(at: now, secrets: settings.secrets, randomness: randomness)
        let turn = Turn(
            presentation(of: token, keys, by: request, as: kind, at: now, under: settings),
            to: Successor(
                hash: successor.hash, seal: try seal(successor, under: token, keys),
                attempt: request.attempt.map { TokenKeys(of: successor).digest(of: $0) },
                idleExpiry: dataLoss.deadlineTime(at: now) + settings.lifetimes.idle),
            stepUp: stepUp)
        let outcome = try await stored { () async throws(StoreError) in
            try await store.rotate(turn, under: policyNow, losses: dataLoss.losses)
        }
        metrics.count(PawlMetrics.Refresh(outcome.verdict))
        environment.publish(outcome.events)
        return try await answer(outcome, to: turn, token, successor, under: settings)
    }

    /// What a look at the row says, without changing or making anything.
    func verdict(
        on token: RefreshToken, by request: PresentedToken, of session: Session?, under settings: LiveSettings
    ) -> Verdict {
        let presented = presentation(
            of: token, TokenKeys(of: token), by: request, as: .refresh, at: clock.now, under: settings)
        return policyNow.verdict(on: presented, of: session, losses: dataLoss.losses)
    }

    private func presentation(
        of token: RefreshToken, _ keys: TokenKeys, by request: PresentedToken, as kind: TurnKind, at now: UnixTime,
        under settings: LiveSettings
    ) -> Presentation {
        Presentation(
            sessionID: token.sessionID, generation: token.generation, hash: token.hash, issuedAt: token.issuedAt,
            isDistrusted: settings.secrets[token.keyID]?.isDistrusted ?? true,
            attempt: request.attempt.map { keys.digest(of: $0) }, delivery: request.delivery, now: now,
            origin: request.origin, kind: kind)
    }

    private func seal(
        _ successor: RefreshToken, under token: RefreshToken, _ keys: TokenKeys
    ) throws(SessionError) -> [UInt8] {
        do {
            return try SuccessorSeal.seal(successor, under: token, keys, randomness: randomness)
        } catch {
            logger.error("Sealing a refresh token failed", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    private func answer(
        _ outcome: Outcome, to turn: Turn, _ token: RefreshToken, _ successor: RefreshToken,
        under settings: LiveSettings
    ) async throws(SessionError) -> TokenGrant {
        let presented = turn.presentation
        switch (outcome.verdict, outcome.session) {
        case (.rotate, let session?):
            return try grant(session, successor, at: presented.now, under: settings)
        case (.replay, let session?):
            // The successor of another turn must not stand for a proof or a password that it did not bring. Without a
            // name it may be a racing refresh's.
            if presented.kind != .refresh, presented.attempt == nil || session.chain.turnedBy != presented.kind {
                throw .refreshConflict
            }
            guard let same = SuccessorSeal.open(session.chain.seal, with: token),
                constantTimeEquals(same.hash, session.chain.hash)
            else {
                if presented.isDistrusted { throw .invalidRefreshToken }
                // Of another history than the row. What an operator says of it is for the policy to apply, once the
                // leeway is over and this looks like a replay no more.
                throw try await dataLoss.met(presented, on: session)
            }
            return try grant(session, same, isReplay: true, at: presented.now, under: settings)
        case (.steady, let session?):
            return try grant(session, token, isReplay: true, at: presented.now, under: settings)
        case (.conflict, _):
            throw .refreshConflict
        case (.stale, _):
            throw .sessionEnded(.stale)
        case (.reuse, _):
            throw .sessionEnded(.reused)
        case (.revoked(let reason), let session):
            ended.insert(token.sessionID, reason, of: session?.subject)
            throw .sessionEnded(reason)
        case (.lost, _):
            throw .sessionEnded(.lost)
        case (.expired, _):
            throw .sessionEnded(.expired)
        case (.wrongDelivery, _):
            throw .wrongDelivery
        case (.invalid, _), (.rotate, nil), (.replay, nil), (.steady, nil):
            throw .invalidRefreshToken
        case (.diverged, let session):
            throw try await dataLoss.met(presented, on: session)
        }
    }
}
