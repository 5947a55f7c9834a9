package import PawlCore
import Testing

extension AccountStore {
    /// Takes a place under the rule's defaults.
    package func reserve(
        _ keys: ThrottleKeys, at now: UnixTime = Sample.start
    ) async throws(StoreError) -> LoginAdmission {
        try await reserveLogin(keys, under: LoginThrottle(), at: now)
    }

    package func settle(
        _ keys: ThrottleKeys, _ result: LoginResult, at now: UnixTime = Sample.start
    ) async throws(StoreError) {
        try await settleLogin(keys, result, under: LoginThrottle(), at: now)
    }

    /// Tries and fails.
    package func fail(_ keys: ThrottleKeys, times: Int = 1) async throws {
        for _ in 0..<times {
            #expect(try await reserve(keys) == .granted)
            try await settle(keys, .failed(Event(.loginFailed, at: Sample.start)))
        }
    }
}
