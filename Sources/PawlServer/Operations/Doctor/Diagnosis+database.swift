import Foundation
import PawlAPI
import PawlCore

extension Diagnosis {
    func database(_ status: DatabaseStatus) -> Finding {
        let what =
            "\(status.kind) \(status.version), \(mebibytes(status.bytes)) and \(mebibytes(status.journalBytes)) of journal"
        guard status.isDurable else {
            return Finding(
                "database", .problem, "\(what). What it acknowledges may be lost with the power.",
                advice: "Nothing but Pawl may change the settings of its database: restart the server.")
        }
        return Finding("database", .ok, what)
    }

    func migrations(_ status: DatabaseStatus) -> Finding {
        let pending = status.migrations.filter { $0.appliedAt == nil }.map(\.name)
        guard pending.isEmpty else {
            return Finding(
                "migrations", .warning, "Still to be applied: \(pending.joined(separator: ", ")).",
                advice: "Start the server, or run: pawl migrate up")
        }
        return Finding("migrations", .ok, "All are applied, \(status.migrations.last?.name ?? "") last.")
    }

    func identifiers(_ old: [OldIdentifier]) -> Finding {
        guard !old.isEmpty else { return Finding("identifiers", .ok, "All are as today's rule prepares them.") }
        return Finding(
            "identifiers", .warning,
            "\(old.count) are of an earlier version: \(old.prefix(20).map(\.description).joined(separator: "; ")).",
            advice: "Nothing must be done: their owners sign in as before. See \"Identifiers\" in docs/concepts.md.")
    }

    /// Compares this machine's clock with the database's; where there is none, with what the database has seen.
    func clock(newest: UnixTime?, _ recovery: DataLossRecord) -> Finding {
        let (now, machine, database) = (clock.now, WallClock.system.now, store.clock.now)
        if abs(machine.seconds - database.seconds) > 2 {
            return Finding(
                "clock", .problem,
                "This machine's clock says \(machine.rfc3339), and the database's says \(database.rfc3339).",
                advice: "Set the one that is wrong, and keep both in step by NTP. Pawl goes by the database's.")
        }
        if let newest, newest > now + 60 {
            return Finding(
                "clock", .problem,
                "This machine's clock (\(now.rfc3339)) is behind the newest entry in the database (\(newest.rfc3339)).",
                advice: """
                    Set the clock, and keep it by NTP: while it is behind, what should expire lives on. If it is right, \
                    the clock was ahead before: sessions begun then live too long, and can be ended.
                    """)
        }
        if let reached = recovery.housekeepingTime, now > reached + 86400 {
            return Finding(
                "clock", .warning,
                "The clock says \(now.rfc3339) and went ahead by days in less time. Rows are deleted as of \(reached.rfc3339).",
                advice:
                    "If it is wrong, set it before more is deleted. If no server ran for days, there is nothing to do.")
        }
        return Finding("clock", .ok, "\(now.rfc3339), not behind the database.")
    }

    func statements() async -> Finding {
        do {
            try await store.tryStatements()
            return Finding("statements", .ok, "One of each kind works.")
        } catch {
            return Finding(
                "statements", .problem, "\(error)",
                advice: """
                    Look whether all parts of the database can be reached, and whether only sessions is distributed, by \
                    its id: see docs/scale.md, Citus.
                    """)
        }
    }

    func lostWrites(_ incidents: [Incident]) -> Finding {
        guard incidents.contains(where: { $0.state(at: clock.now) == .undecided }) else {
            return Finding("lost writes", .ok, "Nothing waits for a decision.")
        }
        return Finding(
            "lost writes", .problem, "The database has lost writes, and clients wait for a decision.",
            advice: "Look at pawl recover status, then decide within a day: pawl recover open, or close.")
    }

    func integrity() async throws -> Finding {
        let damage: [String]? = try await withThrowingTaskGroup(of: [String]?.self) { group in
            group.addTask { try await store.findDamage() }
            group.addTask {
                try await Task.sleep(for: patience)  // the operator does not wait for a large database
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let damage else {
            return Finding(
                "integrity", .warning, "The database is too large to look through in \(patience.components.seconds) s.",
                advice: "Make a backup, which is looked through as a whole: pawl backup FILE")
        }
        guard damage.isEmpty else {
            return Finding(
                "integrity", .problem, "The database is damaged: \(damage.joined(separator: "; ")).",
                advice: "Check the disk, and restore the newest backup. Keep the damaged file to look at.")
        }
        return Finding("integrity", .ok, "No damage was found.")
    }

    /// - Returns: nil if the file system does not say.
    func disk(_ path: String, needs size: Int64) -> Finding? {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value else { return nil }
        let what = "\(mebibytes(free)) are free in \(folder)"
        if free < 64 << 20 {
            return Finding(
                "disk", .problem, what + ": when it is full, sign-ins and refreshes are answered by 503.",
                advice: "Make room, or move the database to a larger disk.")
        }
        if free < size + 64 << 20 {
            return Finding(
                "disk", .warning, what + ": less than the database takes.",
                advice: "Make room before it grows. Backups must go elsewhere.")
        }
        return Finding("disk", .ok, what + ".")
    }

    private func mebibytes(_ bytes: Int64) -> String { "\((bytes + 1 << 20 - 1) >> 20) MiB" }
}
