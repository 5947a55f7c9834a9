import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import PawlAPI
import PawlCore
import PawlJOSE
import PawlServer
import PawlTesting
import Testing

extension Attack {
    private static let alice = "alice@example.com"

    /// An attack by tokens that the server's own key has signed. Each is tried at Pawl's routes and at a guard.
    private static func forging(
        _ words: String, _ attack: @escaping @Sendable (Forge, LiveServer, TokenResponse) async throws -> Void
    ) throws -> Attack {
        let forge = try Forge()
        return Attack(words, prepare: { try forge.prepare(&$0) }) { server in
            let tokens = try await server.register(alice)
            try await expect(200, of: forge.token(like: tokens.accessToken), at: server)  // the yardstick
            try await attack(forge, server, tokens)
            #expect(try await server.refresh(tokens.refreshToken).status == 200)
        }
    }

    private static func expect(
        _ status: Int, of token: String, at server: LiveServer, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for path in ["/guarded", PawlPath.session] {
            let answer = try await server.send(.GET, path, headers: ["Authorization": "Bearer \(token)"])
            #expect(answer.status == status, "\(path) \(token)", sourceLocation: sourceLocation)
            if status == 401 {
                #expect(try answer.problem.code == .invalidToken, sourceLocation: sourceLocation)
                #expect(answer.headers["WWW-Authenticate"].count == 1, sourceLocation: sourceLocation)
            }
        }
    }

    static let withAccessTokens: [Attack] = {
        do {
            return try forgeries + [forAnotherAPI()] + lifetimes
        } catch {
            return [Attack("making the forgeries") { _ in throw error }]
        }
    }()

    private static var forgeries: [Attack] {
        get throws {
            [
                try forging("`alg:none`, `None`, `nOnE`, empty signature, two segments") { forge, server, tokens in
                    for name in ["none", "None", "nOnE"] {
                        let header = ["alg": "\"\(name)\""]
                        try await expect(401, of: forge.token(like: tokens.accessToken, header: header), at: server)
                        let unsigned = try forge.token(like: tokens.accessToken, header: header) { _ in [] }
                        try await expect(401, of: unsigned, at: server)
                    }
                    let empty = try forge.token(like: tokens.accessToken) { _ in [] }
                    try await expect(401, of: empty, at: server)
                    try await expect(401, of: String(empty.dropLast()), at: server)
                },
                try forging("HS256 signed with the public key (PEM, DER, JWK text forms)") { forge, server, tokens in
                    let key = forge.key.publicKey
                    let keySet = try await server.send(.GET, PawlPath.keys)
                    let secrets = [
                        Data(key.pemRepresentation.utf8), Data((key.pemRepresentation + "\n").utf8),
                        key.derRepresentation, key.rawRepresentation, key.x963Representation, Data(keySet.body),
                        Data(Base64URL.encode([UInt8](key.rawRepresentation)).utf8),
                    ]
                    for secret in secrets {
                        let token = try forge.token(like: tokens.accessToken, header: ["alg": #""HS256""#]) { text in
                            [UInt8](HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: .init(data: secret)))
                        }
                        try await expect(401, of: token, at: server)
                    }
                },
                try forging("RS256/ES384/ES256K/EdDSA token when only ES256 is allowed; `alg` as array or number") {
                    forge, server, tokens in
                    for name in [
                        #""RS256""#, #""ES384""#, #""ES256K""#, #""EdDSA""#, #"["ES256"]"#, "256", "null",
                    ] {
                        try await expect(
                            401, of: forge.token(like: tokens.accessToken, header: ["alg": name]), at: server)
                    }
                    let curve = Curve25519.Signing.PrivateKey()
                    let token = try forge.token(like: tokens.accessToken, header: ["alg": #""EdDSA""#]) {
                        [UInt8](try curve.signature(for: Data($0.utf8)))
                    }
                    try await expect(401, of: token, at: server)
                },
                try forging("own key embedded in `jwk`, `x5c`") { forge, server, tokens in
                    let own = P256.Signing.PrivateKey()
                    let point = [UInt8](own.publicKey.rawRepresentation)
                    let jwk = """
                        {"kty":"EC","crv":"P-256","x":"\(Base64URL.encode(Array(point[..<32])))",\
                        "y":"\(Base64URL.encode(Array(point[32...])))"}
                        """
                    let headers: [[String: String?]] = [
                        ["jwk": jwk], ["jwk": jwk, "kid": nil], ["jwk": jwk, "kid": #""own""#],
                        ["x5c": "[\"\(own.publicKey.derRepresentation.base64EncodedString())\"]"],
                    ]
                    for header in headers {
                        let token = try forge.token(like: tokens.accessToken, header: header) {
                            [UInt8](try own.signature(for: Data($0.utf8)).rawRepresentation)
                        }
                        try await expect(401, of: token, at: server)
                    }
                },
                try forging("`jku`/`x5u` to attacker or to `http://127.0.0.1:…`/metadata IP") { forge, server, tokens in
                    let (connections, connected) = AsyncStream<Void>.makeStream()
                    let trap = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .childChannelInitializer { channel in
                            connected.yield()
                            return channel.eventLoop.makeSucceededVoidFuture()
                        }.bind(host: "127.0.0.1", port: 0).get()
                    let url = "\"http://127.0.0.1:\(trap.localAddress?.port ?? 0)/keys\""
                    for member in ["jku", "x5u"] {
                        for url in [url, #""http://169.254.169.254/latest/meta-data""#] {
                            for kid in [#""own""#, "\"\(Forge.kid)\""] {
                                let token = try forge.token(
                                    like: tokens.accessToken, header: [member: url, "kid": kid]
                                ) { _ in [UInt8](repeating: 1, count: 64) }
                                try await expect(401, of: token, at: server)
                            }
                        }
                    }
                    try await trap.close()
                    connected.finish()
                    for await _ in connections { Issue.record("a connection was made to the attacker") }
                },
                // FAULTS F1, with `null`.
                try forging("`crit:[\"exp\"]`, `crit:[\"x\"]`, `crit:[]`, `b64:false`, either of them `null`") {
                    forge, server, tokens in
                    for header in [
                        ["crit": #"["exp"]"#], ["crit": #"["x"]"#], ["crit": "[]"], ["b64": "false"],
                        ["b64": "false", "crit": #"["b64"]"#], ["crit": "null"], ["b64": "null"],
                    ] { try await expect(401, of: forge.token(like: tokens.accessToken, header: header), at: server) }
                },
                try forging("`typ` `JWT`, missing, `dpop+jwt`, `dbsc+jwt`, ID token used as AT") {
                    forge, server, tokens in
                    for type in [#""JWT""#, nil, #""dpop+jwt""#, #""dbsc+jwt""#, #""id_token""#] as [String?] {
                        try await expect(
                            401, of: forge.token(like: tokens.accessToken, header: ["typ": type]), at: server)
                    }
                },
                try forging(
                    "wrong/missing `aud`, `aud` array with ours second, `iss` with trailing `/`, other tenant's key"
                ) { forge, server, tokens in
                    let own = LiveServer.publicURL
                    for payload in [
                        ["aud": #""http://other.test""#], ["aud": nil], ["iss": "\"\(own)/\""],
                        ["iss": #""http://other.test""#], ["iss": nil],
                    ] as [[String: String?]] {
                        try await expect(
                            401, of: forge.token(like: tokens.accessToken, payload: payload), at: server)
                    }
                    let second = ["aud": "[\"http://other.test\",\"\(own)\"]"]
                    try await expect(200, of: forge.token(like: tokens.accessToken, payload: second), at: server)
                    let tenant = P256.Signing.PrivateKey()
                    let foreign = try forge.token(like: tokens.accessToken) {
                        [UInt8](try tenant.signature(for: Data($0.utf8)).rawRepresentation)
                    }
                    try await expect(401, of: foreign, at: server)
                },
                try forging("`nbf`/`iat` in the future by 10 s / 1 h") { forge, server, tokens in
                    let now = server.clock.now.seconds
                    // Its own tokens are of its own clock: two seconds, where other guards forgive thirty.
                    for name in ["nbf", "iat"] {
                        for (seconds, status) in [(2, 200), (10, 401), (3600, 401)] as [(Int64, Int)] {
                            let payload = [name: String(now + seconds)]
                            try await expect(
                                status, of: forge.token(like: tokens.accessToken, payload: payload), at: server)
                        }
                    }
                },
                // FAULTS F1
                try forging(
                    "`exp` 30 years ahead, an hour and a second of lifetime, fractions, an empty or `null` claim"
                ) {
                    forge, server, tokens in
                    let now = server.clock.now.seconds
                    for payload in [
                        ["exp": "\(now + 30 * 366 * 86400)"], ["exp": "\(now + 3601)"], ["iat": "\(now - 86400)"],
                        ["exp": "\(now + 100).5"], ["exp": "1e300"], ["sub": #""""#], ["sub": "null"], ["sid": #""""#],
                        ["sid": "null"], ["auth_time": "null"], ["auth_time": "\(now + 3600)"], ["jti": #""""#],
                    ] { try await expect(401, of: forge.token(like: tokens.accessToken, payload: payload), at: server) }
                    let longest = ["exp": "\(now + 3600)"]
                    try await expect(200, of: forge.token(like: tokens.accessToken, payload: longest), at: server)
                },
                try forging("duplicate claims (`sub` twice), deep nesting (10 000 `[`), 5 MiB token") {
                    forge, server, tokens in
                    for end in [#","sub":"attacker""#, #","\u0073ub":"attacker""#] {
                        try await expect(401, of: forge.token(like: tokens.accessToken, end: end), at: server)
                    }
                    let nested = ",\"x\":" + String(repeating: "[", count: 5000)
                    try await expect(401, of: forge.token(like: tokens.accessToken, end: nested), at: server)
                    for count in [10_000, 5 << 20] {
                        let long = String(repeating: "[", count: count)
                        let head = "GET /guarded HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(long)\r\n\r\n"
                        let answer = try await RawConnection.exchange(port: server.port, [head], closeAfter: true)
                        #expect(answer.isEmpty || ["400", "401", "413", "431"].contains(answer.dropFirst(9).prefix(3)))
                    }
                },
            ]
        }
    }

    /// FAULTS B5
    private static func forAnotherAPI() throws -> Attack {
        let forge = try Forge()
        return Attack(
            "with the setting `audience`: a token for an API, and not for Pawl",
            prepare: {
                try forge.prepare(&$0)
                $0.configure = {
                    $0.isRegistrationOpen = true
                    $0.audience = ["https://api.example.com"]
                }
            },
            run: { server in
                let tokens = try await server.register(alice)
                try await expect(200, of: tokens.accessToken, at: server)
                for audience in [#""https://api.example.com""#, #"["https://api.example.com","https://other.test"]"#] {
                    let token = try forge.token(like: tokens.accessToken, payload: ["aud": audience])
                    try await expect(401, of: token, at: server)
                    for path in [PawlPath.logoutOthers, PawlPath.logoutAll] {
                        let headers = ["Authorization": "Bearer \(token)"]
                        #expect(try await server.send(.POST, path, headers: headers).status == 401)
                    }
                }
                #expect(try await server.refresh(tokens.refreshToken).status == 200)
            })
    }

    private static let lifetimes: [Attack] = [
        Attack("key rotated out; old-key AT inside and after the overlap") { server in
            let old = try await server.register(alice)
            try await server.pawl.engine.keys.rotate()
            server.clock.advance(by: 601)  // the new key signs from now on
            let token = try await server.refresh(old.refreshToken).tokens
            #expect(kid(token.accessToken) != kid(old.accessToken))
            try await expect(200, of: old.accessToken, at: server)
            server.clock.advance(by: 961)
            try await expect(401, of: old.accessToken, at: server)
            server.clock.advance(by: 2700)  // it would be kept for the longest lifetime that may be configured
            try await server.pawl.engine.housekeeping.keepHouse()
            try await server.pawl.engine.keys.refresh()
            #expect(try await !server.send(.GET, PawlPath.keys).text.contains(kid(old.accessToken)))
            #expect(try await server.refresh(token.refreshToken).status == 200)
        },
        Attack("leaked-key drill: key removed from JWKS now") { server in
            let tokens = try await server.register(alice)
            #expect(try await server.pawl.engine.keys.retire(kid(tokens.accessToken)))
            try await expect(401, of: tokens.accessToken, at: server)
            #expect(try await !server.send(.GET, PawlPath.keys).text.contains(kid(tokens.accessToken)))
            let good = try await server.refresh(tokens.refreshToken).tokens
            try await expect(200, of: good.accessToken, at: server)
        },
        Attack("AT used after logout, after password change, after account disabled") { server in
            let first = try await server.register(alice)
            let second = try await server.login(alice).tokens
            let third = try await server.login(alice).tokens
            _ = try await server.send(.POST, PawlPath.logout, RefreshRequest(refreshToken: first.refreshToken ?? ""))
            try await expect(401, of: first.accessToken, at: server)
            let changed = try await server.send(
                .PUT, PawlPath.password,
                PasswordChangeRequest(
                    refreshToken: second.refreshToken ?? "", current: LiveServer.password, new: "wrong donkey capacitor"
                )
            ).tokens
            try await expect(401, of: third.accessToken, at: server)
            try await expect(200, of: changed.accessToken, at: server)
            let identifier = try #require(Identifier(alice))
            _ = try await server.pawl.engine.accounts.administer(
                identifier, UserChange(isDisabled: true, at: server.clock.now))
            try await expect(401, of: changed.accessToken, at: server)
            #expect(try await server.refresh(changed.refreshToken).status == 401)
        },
    ]

    private static func kid(_ token: String) -> String {
        struct Header: Decodable { let kid: String }
        let bytes = Base64URL.decode(token.prefix { $0 != "." }.utf8) ?? []
        return (try? JSONDecoder().decode(Header.self, from: Data(bytes)))?.kid ?? "no key id"
    }
}
