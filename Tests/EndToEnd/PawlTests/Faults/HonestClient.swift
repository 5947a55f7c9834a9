import Foundation
import NIOHTTP1
import PawlAPI
import Testing

/// A client that names its attempts, and repeats the name until it has an answer.
struct HonestClient: Sendable {
    let name: String
    private(set) var tokens: TokenResponse
    private var attempt: String?

    init(_ name: String, at place: Workplace) async throws {
        self.name = name
        tokens = try await place.register(name)
    }

    /// - Returns: the status, and the code of a problem.
    @discardableResult
    mutating func refresh(at place: Workplace) async throws -> (status: Int, code: Problem.Code?) {
        let attempt = attempt ?? UUID().uuidString
        self.attempt = attempt
        let answer = try await place.refresh(tokens.refreshToken ?? "", attempt: attempt)
        guard answer.status == 200 else {
            return (answer.status, try JSONDecoder().decode(Problem.self, from: answer.body).code)
        }
        tokens = try JSONDecoder().decode(TokenResponse.self, from: answer.body)
        self.attempt = nil
        return (200, nil)
    }

    func look(at place: Workplace) async throws -> Int {
        try await place.send(.GET, PawlPath.session, headers: ["Authorization": "Bearer \(tokens.accessToken)"]).status
    }

    func signIn(at place: Workplace, password: String = "correct horse battery") async throws -> Int {
        try await place.send(
            .POST, PawlPath.login, SignInRequest(identifier: name, password: password, device: nil)
        ).status
    }
}

extension Workplace {
    var health: Int { get async throws { try await send(.GET, PawlPath.health, port: opsPort).status } }
    var readiness: Int { get async throws { try await send(.GET, PawlPath.readiness, port: opsPort).status } }

    /// Everything works: the probes, refreshes, sign-ins, access tokens.
    func expectService(to client: inout HonestClient, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(try await client.refresh(at: self).status == 200, sourceLocation: sourceLocation)
        #expect(try await client.signIn(at: self) == 200, sourceLocation: sourceLocation)
        #expect(try await client.look(at: self) == 200, sourceLocation: sourceLocation)
        #expect(try await readiness == 200, sourceLocation: sourceLocation)
    }

    /// Nothing can be written: clients are told to come again, nobody is told that a session is over, and the probes
    /// tell a process that lives and cannot serve.
    func expectOutage(for client: inout HonestClient, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let refused = try await client.refresh(at: self)
        #expect(refused == (503, .unavailable), sourceLocation: sourceLocation)
        #expect(try await client.signIn(at: self) == 503, sourceLocation: sourceLocation)
        #expect(try await health == 200, sourceLocation: sourceLocation)
        #expect(try await readiness == 503, sourceLocation: sourceLocation)
    }
}
