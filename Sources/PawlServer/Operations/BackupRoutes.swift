import Hummingbird
import Logging
import PawlAPI
import PawlCore
import ServiceLifecycle
import Synchronization

/// `/admin/backup`
struct BackupRoutes: Sendable {
    let store: any Store
    let backups: BackupBoard
    let logger: Logger

    /// `POST /admin/backup`: answers when the copy is complete and checked.
    func make(_ request: APIRequest) async throws -> Response {
        let file = try request.body(BackupRequest.self).file
        let start = ContinuousClock.now
        do {
            try backups.begin()
            defer { backups.end() }
            // A stopping server does not wait for the backup.
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
    func show(_ request: APIRequest) async throws -> Response { .json(backups.report) }
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
