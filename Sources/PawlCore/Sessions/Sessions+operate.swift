/// What an operator may do with sessions.
extension Sessions {
    /// Any session, ended ones too, for as long as its row is kept.
    package func session(_ id: SessionID) async throws(SessionError) -> Session {
        let session = try await stored { () async throws(StoreError) in try await store.session(id) }
        guard let session else { throw .noSuchSession }
        return session
    }

    /// Ends a session; nothing happens if it has ended already.
    package func revoke(_ id: SessionID) async throws(SessionError) {
        _ = try await session(id)
        try await end(.one(id), .revoked, at: clock.now, origin: nil)
    }

    /// Ends the sessions that began since `start`, a slice of them.
    /// - Returns: how many ended, and where the next slice begins; nil if this was the last.
    package func revokeSlice(
        begunSince start: UnixTime, after cursor: SessionID?, limit: Int
    ) async throws(SessionError) -> (ended: Int, cursor: SessionID?) {
        var (count, next, left) = (0, cursor, limit)
        try await inSlices(after: cursor) { cursor throws(SessionError) in
            let (ended, last) = try await endSlice(
                .begun(since: start), after: cursor, limit: min(left, store.sliceSize),
                SessionEnding(.revoked, at: clock.now, origin: nil))
            count += ended
            next = last
            left -= store.sliceSize
            return left > 0 ? last : nil
        }
        return (count, next)
    }
}
