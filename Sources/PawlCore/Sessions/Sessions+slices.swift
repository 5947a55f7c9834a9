/// Work on many sessions of one user goes in slices. Each slice is a change of its own, so that no turn of anybody waits
/// for more than one slice, and takes a rest between two.
///
/// Where a change must be made with all sessions at once (a new password, a disabled user), most of the work comes
/// before it, in slices, and the change itself does what is left, in one transaction. If the process dies in between,
/// some sessions have ended, nothing is acknowledged, and a repeated request goes on from there.
extension Sessions {
    /// How many ids are read at once.
    private static let page = 1024
    /// A slow disk must not make it slower still.
    private static let longestRest = Duration.milliseconds(20)

    /// Ends sessions slice by slice.
    /// - Returns: how many were ended now.
    @discardableResult
    func end(
        _ selection: SessionSelection, _ reason: EndReason, at now: UnixTime, origin: Origin?
    ) async throws(SessionError) -> Int {
        try await end(selection, SessionEnding(reason, at: now, origin: origin))
    }

    @discardableResult
    private func end(
        _ selection: SessionSelection, _ ending: SessionEnding
    ) async throws(SessionError) -> Int {
        var count = 0
        try await inSlices { cursor throws(SessionError) in
            let (ended, next) = try await endSlice(selection, after: cursor, limit: store.sliceSize, ending)
            count += ended
            return next
        }
        return count
    }

    /// Runs slices until one returns no cursor for the next. After each it rests for as long as that took, so that turns
    /// find the store at work for others no more than half of the time.
    func inSlices(
        after cursor: SessionID? = nil, _ slice: (SessionID?) async throws(SessionError) -> SessionID?
    ) async throws(SessionError) {
        var (start, cursor) = (ContinuousClock.now, try await slice(cursor))
        while let next = cursor {
            // Without a rest where the request was cancelled: what has begun is ended soon.
            try? await Task.sleep(for: min(ContinuousClock.now - start, Self.longestRest))
            start = .now
            cursor = try await slice(next)
        }
    }

    /// - Returns: how many were ended now, and where the next slice begins; nil if this was the last.
    func endSlice(
        _ selection: SessionSelection, after cursor: SessionID?, limit: Int,
        _ ending: SessionEnding
    ) async throws(SessionError) -> (ended: Int, cursor: SessionID?) {
        let (ended, next) = try await stored { () async throws(StoreError) in
            try await store.end(selection, after: cursor, limit: limit, ending)
        }
        environment.publish(ended)
        return (ended.count, next)
    }

    /// Ends sessions of a subject, the least recently used first, until a slice is left beside those to keep: the rest is
    /// for the change that follows.
    /// - Parameters:
    ///   - kept: how many are not to be ended, besides `spared`.
    ///   - spared: one that is not to be ended in any case.
    func makeRoom(
        beside kept: Int, sparing spared: SessionID? = nil, of subject: SubjectID, _ ending: SessionEnding
    ) async throws(SessionError) {
        while true {
            let ids = try await stored { () async throws(StoreError) in
                try await store.leastRecentlyUsed(
                    of: subject, beyond: kept + store.sliceSize, sparing: spared, limit: Self.page, at: ending.at)
            }
            guard !ids.isEmpty, try await end(.these(ids), ending) > 0 else { return }
        }
    }

    /// Does most of what a change of a user means for their sessions.
    func prepare(_ change: UserChange, of user: User) async throws(SessionError) {
        guard let changed = change.applied(to: user)?.user else { return }
        if change.endsSessions {
            return try await makeRoom(
                beside: 0, of: user.id, SessionEnding(.revoked, at: change.at, origin: nil))
        }
        guard changed.roles != user.roles || changed.scope != user.scope else { return }
        let isLong = try await stored { () async throws(StoreError) in
            try await !store.leastRecentlyUsed(
                of: user.id, beyond: store.sliceSize, sparing: nil, limit: 1, at: change.at
            ).isEmpty
        }
        guard isLong else { return }
        try await inSlices { cursor throws(SessionError) in
            try await stored { () async throws(StoreError) in
                try await store.copyRoles(
                    changed.roles, scope: changed.scope, toSessionsOf: user.id, after: cursor, limit: store.sliceSize)
            }
        }
    }
}
