import Hummingbird
import Logging
import PawlAPI
public import PawlCore
import ServiceLifecycle
import Synchronization

/// What a server tells its operator about itself.
public struct ServerDescription: Sendable {
    public var startedAt: UnixTime
    /// What listens where, by its name.
    public var listeners: [String: String]

    public init(startedAt: UnixTime = Clock.system.now, listeners: [String: String] = [:]) {
        self.startedAt = startedAt
        self.listeners = listeners
    }
}

/// What is to be known of the last rounds of tidying.
final class HousekeepingRecord: Sendable {
    private struct State {
        var finishedAt: UnixTime?
        var failedAt: UnixTime?
    }

    private let state = Mutex(State())

    var finishedAt: UnixTime? { state.withLock { $0.finishedAt } }
    var failedAt: UnixTime? { state.withLock { $0.failedAt } }

    func finish(at now: UnixTime) { state.withLock { $0 = State(finishedAt: now) } }
    func fail(at now: UnixTime) { state.withLock { $0.failedAt = now } }
}

/// The one backup that may be under way.
final class BackupBoard: Sendable {
    private enum State {
        case idle
        case running(BackupProgress)
    }

    private let state = Mutex(State.idle)

    var report: BackupState {
        switch state.withLock({ $0 }) {
        case .idle: BackupState(phase: "idle")
        case .running(.copying(let done, let total)): BackupState(phase: "copying", done: done, total: total)
        case .running(.checking): BackupState(phase: "checking")
        }
    }

    func begin() throws(BackupError) {
        let isFree = state.withLock { state in
            guard case .idle = state else { return false }
            state = .running(.copying(done: 0, of: 0))
            return true
        }
        guard isFree else { throw BackupError("Another backup is under way. Wait for its end.") }
    }

    func advance(to progress: BackupProgress) { state.withLock { $0 = .running(progress) } }
    func end() { state.withLock { $0 = .idle } }
}

extension Pawl {
    public static let version = "0.1.0"

    /// `GET /admin/status`
    func status(_ server: ServerDescription?) async throws -> Response {
        let (now, secrets) = (clock.now, sessions.inForce.secrets)
        let database = try await store.status()
        let key = try await sessions.keys.stored().first { $0.signs }?.key
        return .json(
            StatusReport(
                version: Self.version,
                server: server.map { server in
                    StatusReport.Server(
                        startedAt: server.startedAt.rfc3339, uptime: now.age(since: server.startedAt),
                        publicURL: configuration.publicURL, listeners: server.listeners,
                        housekeepingFinishedAt: housekeeping.finishedAt?.rfc3339,
                        housekeepingFailedAt: housekeeping.failedAt?.rfc3339)
                },
                database: StatusReport.Database(database),
                signingKey: key.map { key in
                    StatusReport.SigningKey(
                        id: key.id, algorithm: key.algorithm, signsSince: key.activatesAt.rfc3339,
                        age: now.age(since: key.activatesAt))
                },
                masterSecrets: secrets.all.map { secret in
                    StatusReport.MasterSecret(
                        keyID: Hex.encode([secret.id]), newest: secret.id == secrets.newest.id,
                        distrusted: secret.isDistrusted)
                }))
    }

    /// `GET /admin/doctor`
    func doctor(isServing: Bool) async throws -> Response {
        let inForce = sessions.inForce
        var current = configuration
        current.lifetimes = inForce.lifetimes
        let diagnosis = Diagnosis(
            store: store, secrets: inForce.secrets, configuration: current, passwords: accounts.hasher, clock: clock,
            isServing: isServing, patience: .seconds(20))
        return .json(DoctorReport(findings: await diagnosis.findings()))
    }

    /// `POST /admin/backup`: answers when the copy is complete and checked.
    func makeBackup(_ exchange: Exchange) async throws -> Response {
        let file = try exchange.body(BackupRequest.self).file
        let start = ContinuousClock.now
        do {
            try backups.begin()
            defer { backups.end() }
            // A server that shall stop does not wait for it.
            let summary = try await cancelWhenGracefulShutdown { [store, backups] in
                try await store.backup(to: file) { backups.advance(to: $0) }
            }
            let took = ContinuousClock.now - start
            logger.notice("Made a backup", metadata: ["file": "\(file)", "bytes": "\(summary.bytes)"])
            return .json(
                BackupReport(
                    file: file, bytes: summary.bytes, sessions: summary.sessions,
                    seconds: (took / .milliseconds(1)).rounded() / 1000))
        } catch let error as BackupError {
            logger.warning("A backup failed", metadata: ["reason": "\(error)"])
            throw ProblemError(.conflict, .backupFailed, error.description)
        }
    }

    /// `GET /admin/backup`: how far the one under way is.
    func showBackup(_ exchange: Exchange) async throws -> Response { .json(backups.report) }
}

extension StatusReport.Database {
    package init(_ status: DatabaseStatus) {
        self.init(
            kind: status.kind, version: status.version, path: status.path, bytes: status.bytes,
            journalBytes: status.journalBytes, sessions: status.sessions, users: status.users,
            migrations: status.migrations.map { .init(name: $0.name, appliedAt: $0.appliedAt?.rfc3339) })
    }
}
