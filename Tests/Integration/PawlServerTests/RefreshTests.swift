import Foundation
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlJOSE
import PawlSQLite
import PawlServer
import PawlTesting
import Testing

@Suite("Refreshing over HTTP", .timeLimit(.minutes(5)))
struct RefreshTests {
    @Test(.tags(.p6))
    func `The story of a theft: the copy shows, that session ends, the other device lives on`() async throws {
        try await LiveServer.run { server in
            let laptop = try await server.register("alice@example.com")
            let phone = try await server.login("alice@example.com").tokens
            let renewed = try await server.refresh(laptop.refreshToken, attempt: "owner-attempt-0001").tokens

            let early = try await server.refresh(laptop.refreshToken, attempt: "thiefs-attempt-001")
            #expect(early.status == 409)
            #expect(early.headers["Retry-After"] == ["1"])
            server.clock.advance(by: 31)
            let late = try await server.refresh(laptop.refreshToken, attempt: "thiefs-attempt-001")
            #expect(late.status == 401)
            #expect(try late.problem.code == .sessionEnded)
            #expect(try late.problem.reason == "reused")
            #expect(late.headers["WWW-Authenticate"].count == 1)

            let owner = try await server.refresh(renewed.refreshToken, attempt: "owner-attempt-0002")
            #expect(owner.status == 401)
            #expect(try owner.problem.reason == "reused")
            #expect(try await server.get("/guarded", renewed).status == 401)
            #expect(try await server.refresh(phone.refreshToken).status == 200)
            #expect(server.logs.text.contains("session_reused"))
        }
    }

    @Test(arguments: [[], ["read", "write"]])
    func `The answer has the members of a token response, written by hand, and no others`(scope: [String]) async throws
    {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let alice = try #require(Identifier("alice@example.com"))
            _ = try await server.pawl.engine.accounts.administer(alice, UserChange(scope: scope, at: server.clock.now))
            let answer = try await server.refresh(tokens.refreshToken)
            let members = try answer.decode([String: AnyJSON].self)
            let expected = try JSONDecoder().decode(
                [String: AnyJSON].self, from: JSONEncoder().encode(answer.tokens))
            #expect(members == expected)
            #expect(members.count == (scope.isEmpty ? 8 : 9))
            #expect(try answer.tokens.scope == (scope.isEmpty ? nil : "read write"))
        }
    }

    private enum AnyJSON: Decodable, Equatable {
        case text(String)
        case number(Int64)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {  // not a number: then it must be a string
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    @Test(.tags(.p5))
    func `A lost answer is repeated with the same attempt, an hour later too, and gives the same bytes`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let first = try await server.refresh(tokens.refreshToken, attempt: "\"attempt-number-one\"").tokens
            #expect(first.isRepeated == nil)
            // FAULTS B11: with the successor itself, while it is young.
            let steady = try await server.refresh(first.refreshToken, attempt: "attempt-number-one").tokens
            #expect(steady.refreshToken == first.refreshToken && steady.isRepeated == true)
            server.clock.advance(by: 3600)
            let again = try await server.refresh(tokens.refreshToken, attempt: "attempt-number-one").tokens
            #expect(again.refreshToken == first.refreshToken && again.isRepeated == true)
            #expect(try await server.refresh(again.refreshToken).status == 200)
        }
    }

    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case sameAttempt, differentAttempts, noAttempt
        var testDescription: String { rawValue }
    }

    @Test(
        .tags(.p4, .p5),
        arguments: Kind.allCases, [false, true])
    func `50 simultaneous requests with one token leave one live successor and sign nobody out`(
        _ kind: Kind, onSQLite: Bool
    ) async throws {
        let folder = try TemporaryFolder()
        var options = LiveServer.Options()
        let sqlite = onSQLite ? try await SQLiteStore(path: folder.path("p.sqlite"), logger: Logger(label: "t")) : nil
        if let sqlite { options.store = sqlite }
        try await LiveServer.run(options) { server in
            let tokens = try await server.register("alice@example.com")
            let answers = try await withThrowingTaskGroup(of: TestAPI.Answer.self) { group in
                for number in 0..<50 {
                    let attempt: String? =
                        switch kind {
                        case .sameAttempt: "one-attempt-for-all"
                        case .differentAttempts: "attempt-of-my-own-\(number)"
                        case .noAttempt: nil
                        }
                    group.addTask { try await server.refresh(tokens.refreshToken, attempt: attempt) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let good = try answers.filter { $0.status == 200 }.map { try $0.tokens.refreshToken }
            #expect(Set(good).count == 1)
            #expect(good.count == (kind == .differentAttempts ? 1 : 50))
            #expect(answers.allSatisfy { $0.status == 200 || $0.status == 409 })
            let successor = try #require(good.first ?? nil)
            #expect(try await server.refresh(successor, attempt: "the-next-attempt-1").status == 200)
        }
        try await sqlite?.close()
    }

    @Test(
        .tags(.p12),
        arguments: [
            "short", "fifteen-chars-1", String(repeating: "a", count: 256), "with a space inside", "ümlaut-in-the-name",
            "\"unbalanced", "\"\"",
        ])
    func `Anything wrong with the attempt's name is a 400 that consumes nothing`(_ name: String) async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let answer = try await server.refresh(tokens.refreshToken, attempt: name)
            // "unbalanced is 11 characters with its quote: too short either way
            #expect(answer.status == 400)
            #expect(try await server.refresh(tokens.refreshToken, attempt: "a-good-attempt-name").status == 200)
        }
    }

    @Test(.tags(.p12))
    func `A token with any character changed is refused, and changes nothing`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            let text = [UInt8]((tokens.refreshToken ?? "").utf8)
            for index in text.indices {
                var changed = text
                changed[index] = text[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let answer = try await server.refresh(String(decoding: changed, as: UTF8.self))
                #expect(answer.status == 401)
                #expect(try answer.problem.code == .invalidRefreshToken)
            }
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }

    @Test
    func `Tokens of one kind are no good as the other`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            #expect(try await server.refresh(tokens.accessToken).status == 401)
            let bearer = ["Authorization": "Bearer \(tokens.refreshToken ?? "")"]
            #expect(try await server.send(.GET, PawlPath.session, headers: bearer).status == 401)
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }

    @Test(.tags(.p6))
    func `Report-only: the copy is refused and recorded, the session lives on`() async throws {
        var options = LiveServer.Options()
        options.configure = { $0.onReuse = .report }
        try await LiveServer.run(options) { server in
            let tokens = try await server.register("alice@example.com")
            let next = try await server.refresh(tokens.refreshToken).tokens
            server.clock.advance(by: 60)
            #expect(try await server.refresh(tokens.refreshToken).status == 401)
            #expect(try await server.refresh(next.refreshToken).status == 200)
            #expect(server.logs.text.contains("reuse_reported"))
        }
    }

    @Test(
        .tags(.p12),
        arguments: [
            ["Origin": "https://evil.example"], ["Origin": "null"], ["Origin": LiveServer.publicURL + ".evil.test"],
            ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"], ["Sec-Fetch-Site": "none"],
        ])
    func `A browser gets no refresh token in a body, and cannot be made to spend one`(_ headers: [String: String])
        async throws
    {
        try await LiveServer.run { server in
            let tokens = try await server.register("alice@example.com")
            #expect(try await server.refresh(tokens.refreshToken, headers: headers).status == 403)
            #expect(try await server.login("alice@example.com", headers: headers).status == 403)
            let out = try await server.send(
                .POST, PawlPath.logout, RefreshRequest(refreshToken: tokens.refreshToken ?? ""), headers: headers)
            #expect(out.status == 403)
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }

    @Test
    func `The store's failure is 503 with Retry-After, not a sign-out`() async throws {
        let store = ObservedStore(MemoryStore())
        var options = LiveServer.Options()
        options.store = store
        try await LiveServer.run(options) { server in
            let tokens = try await server.register("alice@example.com")
            store.fail([.rotate])
            let answer = try await server.refresh(tokens.refreshToken, attempt: "attempt-number-one")
            #expect(answer.status == 503)
            #expect(answer.headers["Retry-After"] == ["1"])
            store.fail([])
            #expect(try await server.refresh(tokens.refreshToken, attempt: "attempt-number-one").status == 200)
        }
    }
}

/// A folder that goes with the test.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "pawl-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }  // a leftover in the temporary folder harms nobody

    func path(_ name: String) -> String { url.appending(path: name).path }
}
