import Foundation
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlPasswords
import PawlSQLite
import PawlTesting
import Testing

@Suite("What is left behind", .timeLimit(.minutes(5)))
struct SecretsNowhereTests {
    @Test(.tags(.p3))
    func `After a busy run neither database nor WAL nor logs hold a token, password, attempt or key`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("p.sqlite")
        let store = try await SQLiteStore(path: path, logger: Logger(label: "t"))
        let master = Randomness.system.bytes(32)
        var options = LiveServer.Options()
        options.store = store
        options.hasher = Argon2idHasher()
        options.secrets = try MasterSecrets(newestFirst: [#require(MasterSecret(Secret(master)))])

        let (secrets, logs) = try await LiveServer.run(options) { server in
            var secrets = MadeSecrets(master: master)
            for number in 0..<4 {
                let name = "user-\(number)@example.com"
                let password = "password of user number \(number)"
                secrets.keep(password)
                let registered = try await server.send(
                    .POST, PawlPath.register, SignInRequest(identifier: name, password: password, device: "d"))
                secrets.keep(try registered.tokens)
                _ = try await server.login(name, password: "mistyped \(password)")
                _ = try await server.login(password, password: "typed into the wrong field")
                var tokens = try await server.login(name, password: password).tokens
                secrets.keep(tokens)
                let spent = tokens
                for turn in 0..<5 {
                    let attempt = "attempt-\(number)-\(turn)-\(UUID().uuidString)"
                    secrets.keep(attempt)
                    tokens = try await server.refresh(tokens.refreshToken, attempt: attempt).tokens
                    secrets.keep(tokens)
                }
                _ = try await server.refresh(spent.refreshToken)  // theft
                _ = try await server.refresh("prt_garbage")
                _ = try await server.send(.GET, PawlPath.session, headers: ["Authorization": "Bearer garbage"])
            }
            return (secrets, server.logs.text)
        }
        let key = try await store.signingKeys()
        #expect(key.count == 1)
        let files = try ["", "-wal"].map { [UInt8](try Data(contentsOf: URL(filePath: path + $0))) }
        #expect(files[1].count > 0, "the WAL is there to be searched")
        #expect(!logs.isEmpty)
        for file in files + [[UInt8](logs.utf8)] { secrets.expectNone(in: file) }
        try await store.close()
    }
}
