package import PawlCore
import PawlSQL
import Synchronization

/// Turns whose callers were sent away without an answer: the database was away, or did not say whether it had committed.
/// Their clients come again, and must not be taken for thieves: while this process remembers such a turn, its token is
/// judged as of when it first came.
final class UnknownOutcomes: Sendable {
    private struct Doubt {
        let turn: Turn
        /// When the database was asked what had become of it.
        var settledAt: UnixTime?
    }

    private let unknownOutcomes = Mutex<[SessionID: Doubt]>([:])
    /// More than one node has connections for.
    private static let limit = 8192
    /// How long, in seconds, a turn is remembered once the database is back.
    private static let memory: Int64 = 60

    /// The remembered turn that presented the same token.
    subscript(turn: Turn) -> Turn? {
        let known = unknownOutcomes.withLock { $0[turn.presentation.sessionID]?.turn }
        return known.flatMap {
            $0.presentation.generation == turn.presentation.generation && $0.presentation.hash == turn.presentation.hash
                ? $0 : nil
        }
    }

    func add(_ turn: Turn) {
        unknownOutcomes.withLock { unknownOutcomes in
            if let known = unknownOutcomes[turn.presentation.sessionID]?.turn {
                // The first that came with a token stays.
                if known.presentation.generation == turn.presentation.generation
                    && known.presentation.hash == turn.presentation.hash
                {
                    return
                }
            } else if unknownOutcomes.count >= Self.limit {
                return
            }
            unknownOutcomes[turn.presentation.sessionID] = Doubt(turn: turn)
        }
    }

    /// The turns that the database is still to be asked about.
    func unsettled(at now: UnixTime) -> [Turn] {
        unknownOutcomes.withLock { unknownOutcomes in
            guard !unknownOutcomes.isEmpty else { return [] }
            unknownOutcomes = unknownOutcomes.filter { entry in
                entry.value.settledAt.map { now.age(since: $0) <= Self.memory } ?? true
            }
            return unknownOutcomes.values.filter { $0.settledAt == nil }.map(\.turn)
        }
    }

    func settle(_ turns: [Turn], at now: UnixTime) {
        unknownOutcomes.withLock { unknownOutcomes in
            for turn in turns { unknownOutcomes[turn.presentation.sessionID]?.settledAt = now }
        }
    }
}

extension PostgresStore {
    private static let settledTogether = 256
    /// A row that cannot be locked (a distributed transaction that is still to be ended) is found by halving. What is left
    /// then is for the next second.
    private static let settlingFailures = 12

    /// Gives turns that were committed without their caller's knowledge their leeway from now on, on all nodes.
    package func settleUnknownOutcomes(at now: UnixTime) async {
        let turns = unknownOutcomes.unsettled(at: now)
        var groups = stride(from: 0, to: turns.count, by: Self.settledTogether).map { start in
            turns[start..<min(start + Self.settledTogether, turns.count)]
        }
        var failures = 0
        while failures < Self.settlingFailures, let group = groups.popLast() {
            do {
                try await settle(group, at: now)
                unknownOutcomes.settle(Array(group), at: now)
            } catch {
                failures += 1
                let middle = group.startIndex + group.count / 2
                if group.count > 1 { groups += [group[..<middle], group[middle...]] }
            }
        }
    }

    private func settle(_ turns: ArraySlice<Turn>, at now: UnixTime) async throws(StoreError) {
        try await transaction { connection in
            try connection.execute("SET LOCAL statement_timeout = 100")
            try Self.settle(turns, at: now, on: connection)
        }
    }

    static func settle(_ turns: ArraySlice<Turn>, at now: UnixTime, on connection: Connection) throws {
        try connection.execute(
            """
            UPDATE sessions AS s SET rotated_at = greatest(s.rotated_at, $3)
            FROM unnest($1::uuid[], $2::bytea[]) AS t (id, hash) WHERE s.id = t.id AND s.hash = t.hash
            """,
            [
                .ids(turns.map(\.presentation.sessionID)),
                .values(turns.map { .bytes($0.successor.hash) }, of: .bytes),
                .time(now),
            ])
    }
}
