import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PawlAPI

/// Requests to a server on the loopback address.
struct TestAPI: Sendable {
    let port: Int

    static let json = ["Content-Type": "application/json"]

    static func bearer(_ tokens: TokenResponse) -> [String: String] {
        ["Authorization": "Bearer \(tokens.accessToken)"]
    }

    func get(_ path: String, _ tokens: TokenResponse) async throws -> Answer {
        try await send(.GET, path, headers: Self.bearer(tokens))
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var tokens: TokenResponse { get throws { try decode(TokenResponse.self) } }
        var problem: Problem { get throws { try decode(Problem.self) } }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body))
        }
    }

    func send(
        _ method: HTTPMethod, _ path: String, headers: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(body) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            body: [UInt8](buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: some Encodable, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await send(
            method, path, headers: headers.merging(Self.json) { first, _ in first },
            body: [UInt8](JSONEncoder().encode(body)))
    }
}
