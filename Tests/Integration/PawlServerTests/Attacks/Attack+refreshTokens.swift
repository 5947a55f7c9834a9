import Foundation
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlSQLite
import PawlTesting
import Testing

extension Attack {
    private static let alice = "alice@example.com"

    private static func attempt() -> String { UUID().uuidString }

    static let withRefreshTokens: [Attack] = [
        Attack("reuse of a spent RT by a thief after the owner refreshed") { server in
            let first = try await server.register(alice)
            let other = try await server.login(alice).tokens
            let second = try await server.refresh(first.refreshToken, attempt: attempt()).tokens
            server.clock.advance(by: 31)
            let thief = try await server.refresh(first.refreshToken, attempt: attempt())
            #expect(thief.status == 401)
            #expect(try thief.problem.reason == "reused")
            let owner = try await server.refresh(second.refreshToken, attempt: attempt())
            #expect(owner.status == 401)
            #expect(try owner.problem.reason == "reused")
            #expect(try await server.get(PawlPath.session, second).status == 401)
            #expect(server.logs.text.contains("session_reused"))
            #expect(try await server.refresh(other.refreshToken, attempt: attempt()).status == 200)
        },
        Attack("two parallel refreshes with one RT (two tabs)") { server in
            let token = try await server.register(alice).refreshToken
            async let named = server.refresh(token, attempt: attempt())
            async let otherwise = server.refresh(token, attempt: attempt())
            let answers = try await [named, otherwise].sorted { $0.status < $1.status }
            #expect(answers.map(\.status) == [200, 409])
            let next = try answers[0].tokens.refreshToken
            // Two that name nothing get the same successor.
            async let left = server.refresh(next)
            async let right = server.refresh(next)
            let (one, two) = try await (left.tokens.refreshToken, right.tokens.refreshToken)
            #expect(one == two)
            #expect(try await server.refresh(one).status == 200)
        },
        Attack("50 parallel refreshes at one server on SQLite") { _ in
            // Two servers on PostgreSQL are in TwoServersTests; a second one is refused a SQLite file.
            let folder = try TemporaryFolder()
            let store = try await SQLiteStore(path: folder.path("p.sqlite"), logger: Logger(label: "t"))
            var options = LiveServer.Options()
            options.store = store
            try await LiveServer.run(options) { server in
                let token = try await server.register(alice).refreshToken
                let name = attempt()
                let successors = try await withThrowingTaskGroup(of: TestAPI.Answer.self) { group in
                    for _ in 0..<50 { group.addTask { try await server.refresh(token, attempt: name) } }
                    return try await group.reduce(into: Set<String>()) { $0.insert(try $1.tokens.refreshToken ?? "") }
                }
                #expect(successors.count == 1)
                #expect(try await server.refresh(successors.first, attempt: attempt()).status == 200)
            }
            try await store.close()
        },
        Attack("response lost (proxy cuts it), client repeats old RT within grace") { server in
            let token = try await server.register(alice).refreshToken
            let name = attempt()
            let lost = try await server.refresh(token, attempt: name).tokens.refreshToken
            server.clock.advance(by: 86400)  // a name outlives any grace
            let again = try await server.refresh(token, attempt: name).tokens.refreshToken
            #expect(again == lost)
            #expect(try await server.refresh(again, attempt: attempt()).status == 200)
        },
        Attack("old RT replayed *after* grace, or after its successor was used") { server in
            let first = try await server.register(alice).refreshToken
            let second = try await server.refresh(first).tokens.refreshToken
            server.clock.advance(by: 31)
            #expect(try await server.refresh(first).status == 401, "after grace")
            #expect(try await server.refresh(second).status == 401, "the family is dead")

            let old = try await server.login(alice).tokens.refreshToken
            let used = try await server.refresh(old, attempt: attempt()).tokens.refreshToken
            let last = try await server.refresh(used, attempt: attempt()).tokens.refreshToken
            server.clock.advance(by: 31)
            #expect(try await server.refresh(old, attempt: attempt()).status == 401, "after its successor was used")
            #expect(try await server.refresh(last, attempt: attempt()).status == 401)
        },
        Attack("RT as Bearer at the API; AT as `refresh_token`; CSRF token as either") { server in
            let tokens = try await server.register(alice)
            let refresh = tokens.refreshToken ?? ""
            for path in [PawlPath.session, PawlPath.sessions, "/guarded"] {
                let answer = try await server.send(.GET, path, headers: ["Authorization": "Bearer \(refresh)"])
                #expect(answer.status == 401)
                #expect(try answer.problem.code == .invalidToken)
            }
            for token in [tokens.accessToken, String(refresh.dropFirst(4)), "prt_" + tokens.accessToken, ""] {
                let answer = try await server.refresh(token)
                #expect(answer.status == 401)
                #expect(try answer.problem.code == .invalidRefreshToken)
            }
            #expect(try await server.refresh(refresh).status == 200, "nothing is revoked")
        },
        Attack(
            "a store that fails in the middle of a rotation",
            prepare: { $0.store = ObservedStore() }
        ) { server in
            // CrashTests kill the process, FileFaultTests fill the disk and hold SQLite's lock.
            let store = try #require(server.store as? ObservedStore)
            let token = try await server.register(alice).refreshToken
            store.fail([.rotate])
            let name = attempt()
            for _ in 0..<3 {
                let answer = try await server.refresh(token, attempt: name)
                #expect(answer.status == 503)
                #expect(try answer.problem.code == .unavailable)
                #expect(answer.headers["Retry-After"].count == 1)
                #expect(!answer.text.contains("test wants"), "no detail")
            }
            store.fail([])
            let next = try await server.refresh(token, attempt: name).tokens.refreshToken
            #expect(try await server.refresh(token, attempt: name).tokens.refreshToken == next)
            #expect(try await server.refresh(next, attempt: attempt()).status == 200)
        },
    ]
}
