package import PawlCore

extension Housekeeping {
    /// Tidies until a round is over.
    /// - Throws: if that takes more slices than a test can mean.
    package func keepHouse(eventRetention: Int64 = 86400) async throws {
        var round = HousekeepingRound()
        for _ in 0..<1000 {
            try await tidy(&round, eventRetention: eventRetention)
            guard round.isUnderWay else { return }
        }
        throw RoundWithoutEnd()
    }
}

private struct RoundWithoutEnd: Error {}
