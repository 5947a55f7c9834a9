import Logging

extension Accounts {
    /// Starts a session for a user who gives the right password. Unknown identifier, wrong password and disabled user cost the
    /// same and are answered alike (OWASP Authentication Cheat Sheet).
    package func login(
        _ credentials: Credentials, origin: Origin, delivery: Delivery
    ) async throws(SessionError) -> TokenGrant {
        do throws(SessionError) {
            let grant = try await inTurn(credentials, origin: origin, delivery: delivery)
            environment.metrics.count(.succeeded)
            return grant
        } catch {
            environment.metrics.count(PawlMetrics.Login(error))
            throw error
        }
    }

    /// One try, after those that came before it with the same identifier from the same network.
    private func inTurn(
        _ credentials: Credentials, origin: Origin, delivery: Delivery
    ) async throws(SessionError) -> TokenGrant {
        let keys = ThrottleKeys(identifier: credentials.identifier, address: origin.address, secrets: secrets)
        try await tries.enter(keys.line)
        defer { tries.leave(keys.line) }
        let share = HashingShare(origin, credentials.identifier.text)
        try await reserve(keys, for: share)
        do throws(SessionError) {
            return try await attempt(credentials, keys, share, origin: origin, delivery: delivery)
        } catch {
            // Not a failure to be counted, unless the credentials were at fault.
            if error != .invalidCredentials { await release(keys) }
            throw error
        }
    }

    private func attempt(
        _ credentials: Credentials, _ keys: ThrottleKeys, _ share: HashingShare, origin: Origin, delivery: Delivery
    ) async throws(SessionError) -> TokenGrant {
        var proven: SealedPassword?
        // The user is read before hashing, and the session is inserted only if they have not changed since: so an old
        // password, a disabled user or stale roles cannot slip through. A change in between means another look.
        for _ in 0..<3 {
            let user = try await stored { () async throws(StoreError) in
                try await store.user(identifier: credentials.identifier)
            }
            if proven == nil || proven != user?.password {
                proven = try await proof(of: credentials.password, by: user, for: share)
            }
            guard let user, let password = proven, !user.isDisabled else {
                let event = Event(.loginFailed, at: clock.now, subject: user?.id, origin: origin)
                try await settle(keys, .failed(event))
                environment.publish([event])
                throw .invalidCredentials
            }
            let start = SessionStart(
                user: user, authMethods: ["pwd"], device: credentials.device, origin: origin, delivery: delivery)
            if let grant = try await sessions.start(start, releasing: LoginReservation(keys, under: throttle)) {
                await renew(password, of: user, with: credentials.password, for: share)
                return grant
            }
        }
        throw .unavailable
    }

    /// The seal that the password opened, or nil; the same work whether there is such a user or not.
    private func proof(
        of password: Password, by user: User?, for share: HashingShare
    ) async throws(SessionError) -> SealedPassword? {
        let phc = user.flatMap { $0.password.phc(for: $0.id, secrets: secrets) }
        let decoy = try await decoyHash()
        let matches = try await verify(password, against: phc ?? decoy, for: share)
        return matches && phc != nil ? user?.password : nil
    }

    /// Takes a place for a try, or throws how long to wait. A full hasher is found out before the database is asked
    /// to count: a flood of logins must not become a flood of writes (P10).
    func reserve(_ keys: ThrottleKeys, for share: HashingShare) async throws(SessionError) {
        guard !hasher.isFull, !queue.isFull(for: share) else { throw .busy(retryAfter: 1) }
        let admission = try await stored { () async throws(StoreError) in
            try await store.reserveLogin(keys, under: throttle, at: clock.now)
        }
        switch admission {
        case .granted: return
        case .wait(let seconds): throw .throttled(retryAfter: seconds)
        case .busy: throw .busy(retryAfter: 1)
        }
    }

    private func settle(_ keys: ThrottleKeys, _ result: LoginResult) async throws(SessionError) {
        try await stored { () async throws(StoreError) in
            try await store.settleLogin(keys, result, under: throttle, at: clock.now)
        }
    }

    /// Gives a place back. If the store is away, the place's lease ends it: that must not fail a right sign-in.
    func release(_ keys: ThrottleKeys) async { try? await settle(keys, .released) }

    /// Hashes anew if today's parameters are stronger, seals anew if the master secret is newer. If this fails, the login
    /// still succeeds, and the next one tries again.
    private func renew(
        _ sealed: SealedPassword, of user: User, with password: Password, for share: HashingShare
    ) async {
        guard let phc = sealed.phc(for: user.id, secrets: secrets) else { return }
        let isOutdated = hasher.isOutdated(phc)
        guard isOutdated || !sealed.isCurrent(secrets) else { return }
        do {
            let fresh = try seal(isOutdated ? try await hash(password, for: share) : phc, for: user.id)
            try await stored { () async throws(StoreError) in
                try await store.resealPassword(of: user.id, from: sealed, to: fresh)
            }
        } catch {
            environment.logger.notice("A password could not be hashed anew; the next login tries again")
        }
    }
}
