import AsyncHTTPClient
import NIOCore
import PawlAPI

/// Where a server's operations listener should be, and how to reach it.
struct OperationsListener {
    /// Such as `http://127.0.0.1:8081`.
    let url: String

    init(_ settings: CommonSettings) {
        url = "http://\(authority(settings.opsHost, settings.opsPort))"
    }

    /// Never shut down, like the shared one, which would try to connect again until the time is up.
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(10)
        // What listens there must not send a credential elsewhere.
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// Whether anything answers there.
    func answers() async -> Bool {
        do {
            _ = try await Self.client.execute(HTTPClientRequest(url: url + PawlPath.health), timeout: .seconds(5))
            return true
        } catch {
            return false
        }
    }
}
