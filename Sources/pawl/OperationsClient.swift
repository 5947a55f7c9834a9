import ArgumentParser
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlCore

/// The command line as a client of the operations listener.
struct OperationsClient {
    private let settings: CommonSettings
    private let secrets: MasterSecrets

    init(_ options: CommonOptions) async throws {
        settings = try await CommonSettings(SettingsReader(common: options))
        secrets = try MasterSecretSource.load(settings, mayCreate: false, logger: Logger(label: "pawl"))
    }

    /// Changes a user and prints what they are now.
    func change(_ identifier: String, _ change: UserChangeRequest) async throws {
        guard let name = identifier.addingPercentEncoding(withAllowedCharacters: .alphanumerics) else {
            throw CommandError("The identifier is not text.")
        }
        let user = try await send(.PATCH, "\(PawlPath.adminUsers)/\(name)", change, answer: UserDescription.self)
        print("\(user.identifier)  \(user.subject)")
        print("roles: \(user.roles.joined(separator: " "))  scope: \(user.scope.joined(separator: " "))")
        print(user.disabled ? "disabled" : "enabled")
    }

    private func send<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: some Encodable, answer: Answer.Type
    ) async throws -> Answer {
        let base = "http://\(settings.opsHost):\(settings.opsPort)"
        let bytes = [UInt8](try JSONEncoder().encode(body))
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(
            name: "Authorization",
            value: OperationsCredential.header(
                for: .init(method: method.rawValue, path: path, body: bytes), secrets: secrets, at: Clock.system.now))
        request.body = .bytes(bytes)
        let response: HTTPClientResponse
        do {
            response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        } catch {
            throw CommandError("No server answers on \(base). Is pawl serve running, with this --ops-port?")
        }
        let data = Data([UInt8](buffer: try await response.body.collect(upTo: 1 << 20)))
        guard response.status.code < 300 else {
            let problem = try? JSONDecoder().decode(Problem.self, from: data)  // else there is only the status
            throw CommandError(problem?.detail ?? "The server answered \(response.status.code).")
        }
        return try JSONDecoder().decode(answer, from: data)
    }
}
