/// What an operator may do with sessions and keys.
extension SessionAuthority {
    /// Any session, ended ones too, for as long as its row is kept.
    public func session(_ id: SessionID) async throws(SessionError) -> Session {
        let session = try await stored { () async throws(StoreError) in try await store.session(id) }
        guard let session else { throw .noSuchSession }
        return session
    }

    /// Ends a session; nothing happens if it has ended already.
    public func revoke(_ id: SessionID) async throws(SessionError) {
        let session = try await session(id)
        try await end(.one(id), of: session.subject, .revoked, at: clock.now, origin: nil)
    }

    /// Makes the next signing key now; it signs once verifiers have had the time to learn it.
    public func rotateKeys() async throws { try await keys.rotate() }

    /// Takes a signing key out at once, because it has leaked: its tokens are refused here from now on, and at guards
    /// once they read the key set again (``KeySchedule/cacheLifetime``). If it was the one that signs, a new one signs
    /// from now on.
    /// - Returns: false if there is no such key.
    public func retireKey(_ id: String) async throws -> Bool { try await keys.retire(id) }

    /// The newest events, oldest first; or those after the event of a number.
    public func events(after id: Int64?, limit: Int) async throws(SessionError) -> [RecordedEvent] {
        try await stored { () async throws(StoreError) in
            if let id {
                try await store.events(after: id, limit: limit)
            } else {
                try await store.latestEvents(limit: limit)
            }
        }
    }
}
