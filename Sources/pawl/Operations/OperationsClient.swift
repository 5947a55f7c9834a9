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

    /// A path with one part that may hold any character.
    static func path(_ base: String, _ part: String, _ rest: String = "") throws -> String {
        "\(base)/\(try escape(part))\(rest)"
    }

    /// ASCII letters and digits stay; all else is percent-encoded.
    static func escape(_ text: String) throws -> String {
        guard let escaped = text.addingPercentEncoding(withAllowedCharacters: plain) else {
            throw CommandError("\(text) is not text.")
        }
        return escaped
    }

    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    func get<Answer: Decodable>(_ path: String, answer: Answer.Type) async throws -> Answer {
        try JSONDecoder().decode(answer, from: try await send(.GET, path, []))
    }

    func send<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: (some Encodable)? = EmptyBody?.none, answer: Answer.Type
    ) async throws -> Answer {
        let bytes = try body.map { [UInt8](try JSONEncoder().encode($0)) } ?? []
        return try JSONDecoder().decode(answer, from: try await send(method, path, bytes))
    }

    /// The body of requests that have none.
    struct EmptyBody: Encodable {}

    /// Asks the server, and returns its answer's body.
    @discardableResult
    func send(_ method: HTTPMethod, _ path: String, _ bytes: [UInt8]) async throws -> Data {
        let base = "http://\(authority(settings.opsHost, settings.opsPort))"
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
        return data
    }
}
