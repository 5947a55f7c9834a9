import Foundation
import Logging
import PawlCore
import PawlSQL
import PawlTesting
import ServerTesting
import Testing

@testable import PawlPostgres

@Suite("PostgreSQL on a full disk", .timeLimit(.minutes(10)))
struct FullDiskTests {
    @Test(.tags(.p4))
    func `Nobody is signed out, nothing acknowledged is lost, and the same attempts go on when there is room`()
        async throws
    {
        let place = try Workplace()
        let disk = try await Disk(of: "96m", in: place)
        try await disk.run("chmod 711 \(disk.path); mkdir \(disk.path)/postgres; chmod 777 \(disk.path)/postgres")
        let server = try await PostgresServer(
            settings: ["max_wal_size=4MB", "min_wal_size=2MB", "wal_recycle=off"], journalSegment: 1,
            in: disk.path + "/postgres",
            by: disk.enter)
        let database = try await server.makeDatabase()
        let store = try await PostgresStore(url: server.url(database), logger: Logger(label: "test"))
        let user = try Sample.user("owner")
        var sessions = try (0..<20).map { try Sample.session(of: user, $0) }
        try await store.put(sessions.map(SessionRow.values), into: SessionRow.table)

        try await disk.fill()
        var refused = 0
        for round in 0..<20_000 where refused < sessions.count {
            let place = round % sessions.count
            let turn = turn(sessions[place])
            do throws(StoreError) {
                #expect(try await store.rotate(turn, under: .init()).verdict == .rotate)
                sessions[place] = sessions[place].turned(by: turn)
            } catch {
                refused += 1
            }
        }
        #expect(refused == sessions.count, "the disk must have been full")

        try await disk.makeRoom()
        for place in sessions.indices {
            // The same attempt again, until there is an answer: it turns, or had turned before.
            let turn = turn(sessions[place])
            var outcome: Outcome?
            try await waitUntil("an answer") {
                outcome = try? await store.rotate(turn, under: .init())
                // PostgreSQL may be about to give up, and somebody has to start it then.
                if outcome == nil, try await disk.isGone(server) { try await server.start() }
                return outcome != nil
            }
            #expect(outcome?.verdict == .rotate || outcome?.verdict == .replay)
            #expect(outcome?.session?.chain.generation == sessions[place].chain.generation + 1)
            #expect(outcome?.session?.chain.hash == turn.successor.hash)
        }
        await store.close()
        await server.remove()
        await disk.remove()
    }

    private func turn(_ session: Session) -> Turn {
        TurnSample(of: session, successor: UInt64(session.chain.generation)).with {
            $0.attempt = UInt64(session.chain.generation)
        }
        .turn
    }
}

extension Disk {
    /// Whether a server whose files are here has stopped: PostgreSQL gives up when its journal cannot be written.
    fileprivate func isGone(_ server: PostgresServer) async throws -> Bool {
        do {
            try await server.run("pg_ctl", "status", "--pgdata", server.data)
            return false
        } catch {
            return true
        }
    }
}
