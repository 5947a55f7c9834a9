import Foundation
import Logging
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlJWT
import PawlPasswords
import PawlSQLite
import PawlTesting
import Testing

@Suite("What is left behind")
struct SecretsNowhereTests {
    @Test("After a busy run neither database nor WAL nor logs hold a token, password, attempt or key", .tags(.p3))
    func search() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("p.sqlite")
        let store = try await SQLiteStore(path: path, logger: Logger(label: "t"))
        let master = Randomness.system.bytes(32)
        var options = LiveServer.Options()
        options.store = store
        options.hasher = Argon2idHasher()
        options.secrets = try MasterSecrets(newestFirst: [#require(MasterSecret(Secret(master)))])

        let (secrets, logs) = try await LiveServer.run(options) { server in
            var secrets: [[UInt8]] = [master]
            func keep(_ tokens: TokenResponse) {
                secrets.append([UInt8](tokens.accessToken.utf8))
                let token = tokens.refreshToken ?? ""
                secrets.append([UInt8](token.utf8))
                secrets.append(Array(Self.decode(token)[27..<59]))  // the secret inside
            }
            for number in 0..<4 {
                let name = "user-\(number)@example.com"
                let password = "password of user number \(number)"
                secrets.append([UInt8](password.utf8))
                let registered = try await server.send(
                    .POST, PawlPath.register, SignInRequest(identifier: name, password: password, device: "d"))
                keep(try registered.tokens)
                _ = try await server.login(name, password: "mistyped \(password)")
                _ = try await server.login(password, password: "typed into the wrong field")
                var tokens = try await server.login(name, password: password).tokens
                keep(tokens)
                let spent = tokens
                for turn in 0..<5 {
                    let attempt = "attempt-\(number)-\(turn)-\(UUID().uuidString)"
                    secrets.append([UInt8](attempt.utf8))
                    tokens = try await server.refresh(tokens.refreshToken, attempt: attempt).tokens
                    keep(tokens)
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
        for file in files + [[UInt8](logs.utf8)] {
            let text = String(decoding: file, as: Unicode.ASCII.self).lowercased()
            #expect(!text.contains("$argon2"))
            for secret in secrets {
                let data = Data(secret)
                #expect(Data(file).range(of: data) == nil)
                #expect(!text.contains(secret.map { String(format: "%02x", $0) }.joined()))
                // Any alignment of base64: the middle of the text, without the ends that depend on the neighbours.
                let base64 = data.base64EncodedString().dropLast(4)
                #expect(!text.contains(base64.lowercased()))
            }
        }
        try await store.close()
    }

    private static func decode(_ token: String) -> [UInt8] {
        Base64URL.decode(token.utf8.dropFirst(4)) ?? []
    }
}
