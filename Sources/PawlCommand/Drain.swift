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
        guard delay > 0 else { return }
        logger.notice("Draining", metadata: ["seconds": "\(delay)"])
        try await Task.sleep(for: .seconds(delay))
    }
}
