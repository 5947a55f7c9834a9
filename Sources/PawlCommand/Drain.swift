import Logging
import PawlServer
import ServiceLifecycle

/// Shows load balancers that this server is about to stop: from the signal on `/readyz` answers 503, while the API's
/// listener stays open for `delay` more seconds. The listener is stopped when this service has ended.
struct Drain: Service {
    let pawl: Pawl
    /// In seconds.
    let delay: Int
    let logger: Logger

    func run() async throws {
        try await gracefulShutdown()
        pawl.beginDraining()
        if delay > 0 {
            logger.notice("Draining", metadata: ["seconds": "\(delay)"])
            try await Task.sleep(for: .seconds(delay))
        }
        pawl.stopWaiting()
        // Beside this service, which must end for the listener to close.
        Task {
            try await Task.sleep(for: Self.patience)
            pawl.refuseWaiting()
        }
    }

    /// How long requests wait for a slow database before they are refused. A statement under way takes up to 12 seconds
    /// more.
    private static let patience = Duration.seconds(12)
}
