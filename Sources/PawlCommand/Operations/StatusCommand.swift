import ArgumentParser
import PawlAPI

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what runs, where its data are, and which keys are in use.",
        discussion: "Whether all of it is as it should be says: pawl doctor")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await OperationsClient(common).get(PawlPath.adminStatus, answer: StatusReport.self)
        try output.show(status, ["FIELD", "VALUE"], Self.rows(status))
    }

    private static func rows(_ status: StatusReport) -> [[String]] {
        var rows = [["version", status.version]]
        if let server = status.server {
            rows += [
                ["server", "up for \(age(server.uptime)), since \(server.startedAt)"],
                ["public URL", server.publicURL],
            ]
            rows += server.listeners.sorted { $0.key < $1.key }.map { ["\($0.key) listener", $0.value] }
            rows.append(["housekeeping", housekeeping(server)])
        } else {
            rows.append(["server", "stopped"])
        }
        let database = status.database
        let pending = database.migrations.filter { $0.appliedAt == nil }.count
        rows += [
            ["database", "\(database.kind) \(database.version)" + (database.path.map { ", \($0)" } ?? "")],
            ["size", "\(size(database.bytes)), journal \(size(database.journalBytes))"],
            [
                "migration",
                "\(database.migrations.last { $0.appliedAt != nil }?.name ?? "none")"
                    + (pending == 0 ? "" : ", \(pending) pending"),
            ],
            ["sessions", "\(database.sessions) (including sessions that ended in the last 7 days)"],
            ["users", String(database.users)],
            [
                "signing key",
                status.signingKey.map { "\($0.id), \($0.algorithm), signs for \(age($0.age))" } ?? "none signs yet",
            ],
        ]
        return rows
            + status.masterSecrets.map { secret in
                let state = secret.newest ? "newest" : secret.distrusted ? "distrusted" : "older"
                return ["master secret", "\(secret.keyID), \(state)"]
            }
    }

    private static func housekeeping(_ server: StatusReport.Server) -> String {
        if let failedAt = server.housekeepingFailedAt { return "failed at \(failedAt): see the log" }
        return server.housekeepingFinishedAt.map { "last round over at \($0)" } ?? "first round under way"
    }

    private static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86400) days"
        }
    }
}

/// A size for people.
func size(_ bytes: Int64) -> String {
    bytes < 10 << 20 ? "\((bytes + 1023) >> 10) KiB" : "\((bytes + 1 << 20 - 1) >> 20) MiB"
}
