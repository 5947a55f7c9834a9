extension Accounts {
    /// Changes a user's roles, scope or state, and their live sessions with them; disabling ends those.
    public func administer(_ identifier: Identifier, _ change: UserChange) async throws(SessionError) -> User {
        let user = try await stored { () async throws(StoreError) in try await store.user(identifier: identifier) }
        guard let user,
            let updated = try await stored({ () async throws(StoreError) in try await store.update(user.id, change) })
        else { throw .noSuchUser }
        sessions.bury(updated.ended, .revoked)
        return updated.user
    }
}
