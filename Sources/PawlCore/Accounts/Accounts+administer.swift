/// What an operator may do with users: without their password, but with a credential made with the master secret.
extension Accounts {
    /// Changes a user's roles, scope, state or password in one transaction, and their live sessions with them:
    /// disabling and a new password end those.
    package func administer(
        _ identifier: Identifier, _ change: UserChange, password: Password? = nil
    ) async throws(SessionError) -> User {
        let user = try await user(identifier)
        var change = change
        if let password {
            let share = HashingShare(nil, user.id.description)
            try await check(password, for: identifier, share)
            change.password = try seal(try await hash(password, for: share), for: user.id)
        }
        let whole = change
        try await sessions.prepare(whole, of: user)
        let updated = try await stored { () async throws(StoreError) in try await store.update(user.id, whole) }
        guard let updated else { throw .noSuchUser }
        environment.publish(updated.events)
        return updated.user
    }

    /// Sets a new password, which ends all of the user's sessions.
    package func setPassword(of identifier: Identifier, to password: Password) async throws(SessionError) -> User {
        try await administer(identifier, UserChange(at: clock.now), password: password)
    }

    /// Adds a user who can sign in from now on, whether registration is open or not.
    package func add(
        _ identifier: Identifier, password: Password, roles: [String], scope: [String]
    ) async throws(SessionError) -> User {
        try await checkNew(identifier, password, for: HashingShare(nil, identifier.text))
        let credentials = Credentials(identifier: identifier, password: password, device: "")
        return try await add(credentials, roles: roles, scope: scope, origin: nil)
    }

    package func user(_ identifier: Identifier) async throws(SessionError) -> User {
        let user = try await stored { () async throws(StoreError) in try await store.user(identifier: identifier) }
        guard let user else { throw .noSuchUser }
        return user
    }

    /// Users in the order of their identifiers, after `identifier`.
    package func users(after identifier: Identifier?, limit: Int) async throws(SessionError) -> [User] {
        try await stored { () async throws(StoreError) in try await store.users(after: identifier, limit: limit) }
    }

    /// The live sessions of a user, newest first, like ``Sessions/devices(of:after:limit:)``.
    package func devices(
        of identifier: Identifier, after cursor: SessionID? = nil, limit: Int = 100
    ) async throws(SessionError) -> [Session] {
        try await sessions.devices(of: user(identifier).id, after: cursor, limit: limit)
    }

    /// Ends all sessions of a user. Returns how many there were.
    package func endSessions(of identifier: Identifier) async throws(SessionError) -> Int {
        let user = try await user(identifier)
        return try await sessions.end(.all(of: user.id), .revoked, at: clock.now, origin: nil)
    }
}
