/// Keeps users and the counters of failed tries. Atomic and durable like ``SessionStore``.
package protocol AccountStore: Sendable {
    /// The user whose identifier is spelled like `identifier`, otherwise the one whose identifier is the same under the
    /// rule (see ``Identifier``).
    func user(identifier: Identifier) async throws(StoreError) -> User?
    func user(_ id: SubjectID) async throws(StoreError) -> User?

    /// Users in the order of their identifiers' spellings, after `identifier`, at most `limit`.
    func users(after identifier: Identifier?, limit: Int) async throws(StoreError) -> [User]

    /// Adds a user and the event, unless another user's identifier has the same spelling or is the same under the rule.
    /// Returns whether it did.
    func addUser(_ user: User, _ event: Event) async throws(StoreError) -> Bool

    /// Replaces a password's seal by another of the same password (a stronger hash, a newer secret), if it is still
    /// `old`. The version stays.
    func resealPassword(of id: SubjectID, from old: SealedPassword, to new: SealedPassword) async throws(StoreError)

    /// Applies `change` to a user and, in the same transaction, to their sessions: roles and scope are copied into
    /// the live ones, disabling and a new password end them. Raises the version. Where there are many sessions, the
    /// caller has done most of this in slices before, so that the transaction is short.
    /// - Returns: the user as they are now, and what was recorded, the ends of sessions included; nil if there is no such
    ///   user.
    func update(_ id: SubjectID, _ change: UserChange) async throws(StoreError) -> (user: User, events: [Event])?

    /// Takes a place for one sign-in or registration, before any password is looked at: applies
    /// `LoginThrottle.reserve` to the counters under these keys.
    func reserveLogin(
        _ keys: ThrottleKeys, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError) -> LoginAdmission

    /// Gives the place back and records what became of the try: applies `LoginThrottle.settle`.
    func settleLogin(
        _ keys: ThrottleKeys, _ result: LoginResult, under throttle: LoginThrottle, at now: UnixTime
    ) async throws(StoreError)

    /// Deletes, from a slice of at most `limit` counters after `cursor` in the order of their keys, those that count
    /// nothing any more (see ``LoginThrottle``).
    /// - Returns: the last key looked at; nil if that was the last slice.
    @discardableResult
    func deleteThrottles(
        forgottenAt now: UnixTime, after cursor: [UInt8]?, limit: Int
    ) async throws(StoreError) -> [UInt8]?
}

/// The place that a try has taken under each of its keys.
package struct LoginReservation: Sendable {
    package let keys: ThrottleKeys
    package let throttle: LoginThrottle

    package init(_ keys: ThrottleKeys, under throttle: LoginThrottle) {
        self.keys = keys
        self.throttle = throttle
    }
}

/// What became of a try that had been let through.
package enum LoginResult: Sendable {
    /// The password was wrong: it counts, and the event is recorded with it.
    case failed(Event)
    /// The password was right, or the server was too busy to look at it: it does not count.
    case released
}
