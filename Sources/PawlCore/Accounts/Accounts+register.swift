extension Accounts {
    /// Makes a user and signs them in. A taken identifier costs as much as a free one, and finding many taken ones is
    /// slowed down: each registration of a network counts, whatever becomes of it.
    package func register(
        _ credentials: Credentials, origin: Origin, delivery: Delivery
    ) async throws(SessionError) -> TokenGrant {
        guard isRegistrationOpen else { throw .registrationClosed }
        let share = HashingShare(origin, credentials.identifier.text)
        try await checkNew(credentials.identifier, credentials.password, for: share)
        let keys = ThrottleKeys(registrationFrom: origin.address, secrets: secrets)
        try await reserve(keys, for: share)
        let user: User
        do throws(SessionError) {
            user = try await add(credentials, roles: [], scope: [], origin: origin)
        } catch {
            // Whether the identifier was free or taken counts alike; a busy server told nothing.
            if error != .identifierTaken { await release(keys) }
            throw error
        }
        let start = SessionStart(
            user: user, authMethods: ["pwd"], device: credentials.device, origin: origin, delivery: delivery)
        guard let grant = try await sessions.start(start) else { throw .invalidCredentials }  // disabled that soon
        return grant
    }

    /// Makes a user, as an operator does or a registration.
    func add(
        _ credentials: Credentials, roles: [String], scope: [String], origin: Origin?
    ) async throws(SessionError) -> User {
        let id = SubjectID(randomness: environment.randomness)
        let phc = try await hash(credentials.password, for: HashingShare(origin, credentials.identifier.text))
        let user = User(
            id: id, identifier: credentials.identifier, createdAt: clock.now, password: try seal(phc, for: id),
            roles: roles, scope: scope)
        let event = Event(.registered, at: clock.now, subject: id, origin: origin)
        guard try await stored({ () async throws(StoreError) in try await store.addUser(user, event) }) else {
            throw .identifierTaken
        }
        environment.publish([event])
        return user
    }
}
