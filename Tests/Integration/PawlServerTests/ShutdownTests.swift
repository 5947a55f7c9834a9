import AsyncHTTPClient
import Hummingbird
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlPasswords
import PawlServer
import PawlTesting
import Synchronization
import Testing

@Suite("Shutting down, and being busy", .timeLimit(.minutes(5)))
struct ShutdownTests {
    /// Holds every check of a password until it is let go.
    final class HeldHasher: PasswordHasher {
        let base = InstantHasher()
        let held = AsyncStream<Void>.makeStream()
        private let release = AsyncStream<Void>.makeStream()
        private let isHolding = Mutex(false)

        var isFull: Bool { false }
        func hold() { isHolding.withLock { $0 = true } }
        func letGo() { release.continuation.finish() }
        func hash(_ password: Password) async throws -> String { try await base.hash(password) }
        func isOutdated(_ phc: String) -> Bool { base.isOutdated(phc) }
        func verify(_ password: Password, against phc: String) async throws -> Bool {
            if isHolding.withLock({ $0 }) {
                held.continuation.yield()
                for await _ in release.stream {}
            }
            return try await base.verify(password, against: phc)
        }
    }

    @Test
    func `A request in flight is finished`() async throws {
        let hasher = HeldHasher()
        var options = LiveServer.Options()
        options.hasher = hasher
        let login = try await LiveServer.run(options) { server in
            _ = try await server.register("alice@example.com")
            hasher.hold()
            let login = Task { try await server.login("alice@example.com") }
            for await _ in hasher.held.stream { break }
            Task { hasher.letGo() }
            return login  // the server begins to shut down now
        }
        #expect(try await login.value.status == 200)
    }

    @Test(.tags(.p10))
    func `When the hash queue is full, logins get 503 with Retry-After and refreshes go on`() async throws {
        var options = LiveServer.Options()
        options.hasher = Argon2idHasher(workers: 1, capacity: 2)
        try await LiveServer.run(options) { server in
            let tokens = try await server.register("alice@example.com")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<120 {
                    group.addTask {
                        let answer = try await server.login("user-\(number)")
                        if answer.status == 503 { #expect(answer.headers["Retry-After"] == ["1"]) }
                        return answer.status
                    }
                }
                #expect(try await server.refresh(tokens.refreshToken).status == 200)
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.contains(503))
            #expect(statuses.contains(401))
            #expect(statuses.allSatisfy { $0 == 503 || $0 == 401 })
        }
    }
}
