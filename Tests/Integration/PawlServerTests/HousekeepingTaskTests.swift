import PawlCore
import PawlServer
import PawlTesting
import Testing

@Suite("What the server does by itself", .timeLimit(.minutes(1)))
struct HousekeepingTaskTests {
    // FAULTS D5
    @Test(.tags(.p7), arguments: [ObservedStore.Call.deleteThrottles, .deleteEvents, .deleteSessions])
    func `ended sessions and recovery are followed while housekeeping hangs`(call: ObservedStore.Call) async throws {
        let (store, clock) = (ObservedStore(), ManualClock())
        let pawl = try await Pawl(
            serving: store, passwords: InstantHasher(), secrets: LiveServer.freshSecrets(),
            configuration: PawlConfiguration(publicURL: LiveServer.publicURL), clock: clock.clock,
            logger: LogCapture().logger)
        let (reached, gate) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
        store.before(call) {
            reached.continuation.finish()
            for await _ in gate.stream {}
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pawl.run(every: .milliseconds(1)) }
            for await _ in reached.stream {}
            store.forgetCalls()
            // A minute of beats: revocations, recovery, the sign of life and the keys.
            let promised: [ObservedStore.Call] = [.endings, .dataLossRecord, .updateDataLossRecord, .signingKeys]
            try await waitUntil("two of each call") {
                clock.advance(by: 5)
                return promised.allSatisfy { call in store.calls.count { $0 == call } >= 2 }
            }
            #expect(!store.calls.contains(.takeHousekeepingLease), "housekeeping still hangs")
            gate.continuation.finish()
            group.cancelAll()
        }
    }

    @Test func `what cannot be followed keeps nothing else from being followed`() async throws {
        let store = ObservedStore()
        let pawl = try await Pawl(
            serving: store, passwords: InstantHasher(), secrets: LiveServer.freshSecrets(),
            configuration: PawlConfiguration(publicURL: LiveServer.publicURL), clock: ManualClock().clock,
            logger: LogCapture().logger)
        store.fail([.dataLossRecord, .updateDataLossRecord])
        store.forgetCalls()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pawl.run(every: .milliseconds(1)) }
            let promised: [ObservedStore.Call] = [.dataLossRecord, .endings, .signingKeys]
            try await waitUntil("each call") { promised.allSatisfy(store.calls.contains) }
            group.cancelAll()
        }
    }
}
