import PawlCore
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

/// Run by `make test-citus`.
@Suite("A Citus cluster", .enabled(if: PostgresServer.isCitus), .timeLimit(.minutes(5)))
struct CitusTests {
    @Test func `a worker that dies signs nobody out, not even clients that name no attempt, and is told`() async throws
    {
        try await withDatabase { server, database in
            let start = ContinuousClock.now
            // The rows are of another year.
            let clock = WallClock { Sample.start + 60 + (ContinuousClock.now - start).components.seconds }
            try await withStore(url: server.url(database), patience: .seconds(2), clock: clock) { store in
                let sessions = try await store.putSessions(24)
                let ends = try await withThrowingTaskGroup(of: (turns: Int, verdicts: [Verdict]).self) { group in
                    for session in sessions {
                        group.addTask {
                            await Self.client(of: session, on: store, clock: clock, until: start + .seconds(25))
                        }
                    }
                    group.addTask {
                        // What each server does each second.
                        while ContinuousClock.now < start + .seconds(25) {
                            await store.settleUnknownOutcomes(at: store.clock.now)
                            try await Task.sleep(for: .seconds(1))
                        }
                        return (1, [])
                    }
                    group.addTask {
                        try await Task.sleep(for: .seconds(3))
                        try await server.workers[0].stop("immediate")
                        await #expect(throws: StoreError.self) { try await store.tryStatements() }
                        try await Task.sleep(for: .seconds(8))
                        try await server.workers[0].start()
                        return (1, [])
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(ends.allSatisfy { $0.turns > 0 && $0.verdicts.isEmpty }, "\(ends)")
                for session in sessions { #expect(try await store.session(session.id)?.ending == nil) }
                try await store.tryStatements()
                print("\(ends.reduce(0) { $0 + $1.turns }) turns of \(sessions.count) clients without names")
            }
        }
    }

    /// Turns a session again and again, and repeats what was not answered.
    /// - Returns: how often it turned, and verdicts that an honest client must not get.
    private static func client(
        of session: Session, on store: PostgresStore, clock: WallClock, until end: ContinuousClock.Instant
    ) async -> (turns: Int, verdicts: [Verdict]) {
        var (session, turns, successor): (Session, Int, UInt64) = (session, 0, 1000)
        while ContinuousClock.now < end {
            successor += 1
            let turn = TurnSample(of: session, successor: successor).with { $0.now = clock.now }.turn
            guard let outcome = try? await store.rotate(turn, under: .init(leeway: 2)) else {
                try? await Task.sleep(for: .milliseconds(300))  // as Retry-After says, and a little sooner
                continue
            }
            guard [.rotate, .replay].contains(outcome.verdict), let next = outcome.session else {
                return (turns, [outcome.verdict])
            }
            session = next
            turns += 1
            try? await Task.sleep(for: .milliseconds(20))
        }
        return (turns, [])
    }
}
