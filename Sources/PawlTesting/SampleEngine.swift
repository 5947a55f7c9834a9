package import PawlCore

extension Engine {
    /// One with an open registration, on a store that the test holds. It is not prepared.
    /// - Parameter clock: the store's own if nil.
    package static func sample(
        on store: any Store, secrets: MasterSecrets, clock: ManualClock? = nil, logs: LogCapture = .init()
    ) async throws -> Engine {
        var options = Options(issuer: "https://pawl.test")
        options.isRegistrationOpen = true
        return try await Engine(
            PawlEnvironment(
                store: store, settings: .init(LiveSettings(secrets: secrets, lifetimes: .init())), clock: clock?.clock,
                logger: logs.logger),
            passwords: InstantHasher(), options)
    }
}
