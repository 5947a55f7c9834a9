import Foundation
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlPasswords
import PawlSQLite
import PawlTesting
import Testing

extension Attack {
    static let onWhatIsLeftBehind: [Attack] = [
        Attack(
            "information leaks: `/metrics`, `/debug`, stack traces, `Server` version, token in log/URL/Referer/crash dump, back-button after logout"
        ) { server in
            let tokens = try await server.register("alice@example.com")
            let token = tokens.refreshToken ?? ""
            for path in ["/debug", "/debug/pprof", "/.env", "/admin", "/server-status", "/auth/", "/%2e%2e/etc/passwd"]
            {
                let answer = try await server.send(.GET, path)
                #expect(answer.status == 404, "\(path)")
                #expect(answer.headers["Server"].isEmpty)
                #expect(!answer.text.lowercased().contains("swift"))
            }
            #expect(try await server.send(.GET, PawlPath.adminUsers).status == 401)
            #expect(!(try await server.send(.GET, PawlPath.metrics)).text.contains("alice"))
            _ = try await server.send(
                .GET, "\(PawlPath.session)?access_token=\(tokens.accessToken)&refresh_token=\(token)")
            _ = try await server.send(.GET, PawlPath.session, headers: ["Referer": "http://auth.test/?t=\(token)"])
            for answer in [
                try await server.refresh(token), try await server.get(PawlPath.session, tokens),
                try await server.refresh("prt_wrong"),
            ] { #expect(answer.headers["Cache-Control"] == ["no-store"]) }
            for secret in [token, tokens.accessToken, LiveServer.password] {
                #expect(!server.logs.text.contains(secret))
            }
        },
        Attack("backup/restore or DB copy: attacker has the whole database") { _ in
            let folder = try TemporaryFolder()
            let path = folder.path("p.sqlite")
            let store = try await SQLiteStore(path: path, logger: Logger(label: "t"))
            let master = Randomness.system.bytes(MasterSecret.length)
            var options = LiveServer.Options()
            options.store = store
            options.hasher = Argon2idHasher()
            options.secrets = try MasterSecrets(newestFirst: [#require(MasterSecret(Secret(master)))])
            let (secrets, logs) = try await LiveServer.run(options) { server in
                var secrets = MadeSecrets(master: master)
                for number in 0..<3 {
                    let name = "user-\(number)@example.com"
                    secrets.keep(LiveServer.password)
                    secrets.keep(try await server.register(name))
                    var tokens = try await server.login(name).tokens
                    for _ in 0..<4 {
                        let attempt = UUID().uuidString
                        secrets.keep(attempt)
                        tokens = try await server.refresh(tokens.refreshToken, attempt: attempt).tokens
                        secrets.keep(tokens)
                    }
                    let new = "new password of user \(number)"
                    secrets.keep(new)
                    let change = PasswordChangeRequest(
                        refreshToken: tokens.refreshToken ?? "", current: LiveServer.password, new: new)
                    secrets.keep(try await server.send(.PUT, PawlPath.password, change).tokens)
                }
                return (secrets, server.logs.text)
            }
            let files = try ["", "-wal"].map { [UInt8](try Data(contentsOf: URL(filePath: path + $0))) }
            #expect(files[1].count > 0, "the WAL is there to be searched")
            for file in files + [[UInt8](logs.utf8)] { secrets.expectNone(in: file) }
            try await store.close()
        },
    ]
}
