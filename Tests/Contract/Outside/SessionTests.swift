// What an application's own tests can do with the test kit.

import Foundation
import Hummingbird
import HummingbirdTesting
import Pawl
import PawlTesting
import Testing

struct SessionTests {
    private static let secret = Data(repeating: 7, count: 32).base64EncodedString()

    @Test func aSessionEndsWhenNobodyUsesItForAWeek() async throws {
        // snippet.server
        let clock = ManualClock()
        var configuration = PawlConfiguration(publicURL: "http://localhost:8080")
        configuration.isRegistrationOpen = true
        let pawl = try await Pawl(
            store: MemoryStore(), passwords: InstantHasher(), secrets: try MasterSecrets(parsing: Self.secret),
            configuration: configuration, clock: clock.clock, logger: LogCapture().logger)
        let router = Router(context: GuardedContext.self)
        pawl.addRoutes(to: router)
        // snippet.end

        // snippet.time
        try await Application(router: router).test(.router) { client in
            let tokens = try await register("ana@example.com", with: client)
            let next = try await refresh(tokens.refreshToken, with: client)
            #expect(next.status == .ok)

            clock.advance(by: 7 * 86400)
            let late = try await refresh(try next.tokens.refreshToken, with: client)
            #expect(late.status == .unauthorized)
        }
        // snippet.end
    }

    private struct Tokens: Decodable {
        let refreshToken: String

        enum CodingKeys: String, CodingKey { case refreshToken = "refresh_token" }
    }

    private struct Answer {
        let status: HTTPResponse.Status
        let body: ByteBuffer

        var tokens: Tokens { get throws { try JSONDecoder().decode(Tokens.self, from: Data(buffer: body)) } }
    }

    private func register(_ identifier: String, with client: any TestClientProtocol) async throws -> Tokens {
        try await post("/auth/register", ["identifier": identifier, "password": "correct horse battery"], client).tokens
    }

    private func refresh(_ token: String, with client: any TestClientProtocol) async throws -> Answer {
        try await post("/auth/refresh", ["refresh_token": token], client)
    }

    private func post(
        _ path: String, _ body: [String: String], _ client: any TestClientProtocol
    ) async throws -> Answer {
        try await client.execute(
            uri: path, method: .post, headers: [.contentType: "application/json"],
            body: ByteBuffer(data: try JSONEncoder().encode(body))
        ) { Answer(status: $0.status, body: $0.body) }
    }
}
