import Foundation
import Glibc
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("SIGHUP reloads", .timeLimit(.minutes(10)))
struct ReloadTests {
    private static let texts = [1, 2].map { Data(repeating: $0, count: 32).base64EncodedString() }

    /// The key id of a refresh token: its second byte.
    private static func keyID(_ token: String?) throws -> String {
        let text = try #require(token).dropFirst(4).prefix(4)
            .replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return String(format: "%02x", try #require(Data(base64Encoded: text))[1])
    }

    private static func tokens(_ answer: (status: Int, body: Data)) throws -> TokenResponse {
        #expect(answer.status == 200)
        return try JSONDecoder().decode(TokenResponse.self, from: answer.body)
    }

    @Test
    func `lifetimes from the file, unless a flag says otherwise`() async throws {
        let place = try Workplace()
        let file = try place.write(#"{"access-lifetime": 300, "absolute-lifetime": 5000}"#, to: "pawl.json")
        let server = try await place.serve(["--config", file, "--absolute-lifetime", "6000"])
        let ana = try await place.register("ana")
        #expect(ana.expiresIn == 300)
        _ = try place.write(#"{"access-lifetime": 60, "absolute-lifetime": 7000}"#, to: "pawl.json")
        server.signal(SIGHUP)
        try await server.waitUntilPrinted(#""access-lifetime":"300 → 60""#)
        let next = try Self.tokens(try await place.refresh(try #require(ana.refreshToken), attempt: "anas-attempt-001"))
        #expect(next.expiresIn == 60)
        #expect(!server.printed.contains(#""absolute-lifetime":"#))
        #expect(try await place.register("bob").authorizationExpiresIn == 6000)
        #expect(await server.stop() == 0)
    }

    @Test(.tags(.p12))
    func `origins, which may sign in from then on, or no more`() async throws {
        let place = try Workplace()
        let file = try place.write(#"{"origins": "https://old.example.com"}"#, to: "pawl.json")
        let server = try await place.serve(["--config", file])
        _ = try place.write(#"{"origins": "https://new.example.com,http://localhost:3000"}"#, to: "pawl.json")
        let body = SignInRequest(identifier: "ana", password: "correct horse battery", device: nil)
        let old = ["Origin": "https://old.example.com"]
        let new = ["Origin": "https://new.example.com"]
        #expect(try await place.send(.POST, PawlPath.register, body, headers: new).status == 403)
        #expect(try await place.send(.POST, PawlPath.register, body, headers: old).status == 201)
        server.signal(SIGHUP)
        try await server.waitUntilPrinted(
            #""origins":"https://old.example.com → http://localhost:3000 https://new.example.com""#)
        #expect(try await place.send(.POST, PawlPath.login, body, headers: old).status == 403)
        #expect(try await place.send(.POST, PawlPath.login, body, headers: new).status == 200)
        #expect(await server.stop() == 0)
    }

    @Test
    func `the file with the master secrets, and commands follow`() async throws {
        let place = try Workplace()
        let file = try place.write(Self.texts[0], to: "secret")
        let server = try await place.serve(["--master-secret-file", file])
        let ana = try await place.register("ana")
        let old = try Self.keyID(ana.refreshToken)
        _ = try place.write("\(Self.texts[1])\n\(Self.texts[0])\n", to: "secret")
        server.signal(SIGHUP)
        try await server.waitUntilPrinted(#""event":"reloaded","#)
        let next = try Self.tokens(try await place.refresh(try #require(ana.refreshToken), attempt: "anas-attempt-001"))
        let new = try Self.keyID(next.refreshToken)
        #expect(new != old)
        #expect(server.printed.contains(#""master-secrets":"\#(old) → \#(new) \#(old)""#))

        // The old one goes: what it made is refused, and what the new one made lives on.
        _ = try place.write(Self.texts[1], to: "secret")
        server.signal(SIGHUP)
        try await server.waitUntilPrinted(#""master-secrets":"\#(new) \#(old) → \#(new)""#)
        #expect(try await place.refresh(try #require(ana.refreshToken), attempt: "anas-attempt-001").status == 401)
        let last = try await place.refresh(try #require(next.refreshToken), attempt: "anas-attempt-002")
        #expect(last.status == 200)
        let keys = try await PawlProcess.run(["key", "list", "--master-secret-file", file] + place.operating)
        #expect(keys.status == 0)
        for secret in Self.texts { #expect(!server.printed.contains(secret)) }
        #expect(await server.stop() == 0)
    }

    @Test
    func `the log level`() async throws {
        let place = try Workplace()
        let file = try place.write("{}", to: "pawl.json")
        let server = try await place.serve(["--config", file, "--leeway", "0"])
        func steal(_ name: String) async throws {
            let token = try #require(try await place.register(name).refreshToken)
            #expect(try await place.refresh(token, attempt: "the-owners-attempt").status == 200)
            #expect(try await place.refresh(token, attempt: "the-thiefs-attempt").status == 401)
        }
        func theftsInLog() -> Int { server.printed.components(separatedBy: #""event":"session_reused""#).count - 1 }
        for (level, change, thefts) in [("error", "info → error", 0), ("info", "error → info", 1)] {
            _ = try place.write(#"{"log-level": "\#(level)"}"#, to: "pawl.json")
            server.signal(SIGHUP)
            try await server.waitUntilPrinted(change)
            try await steal("user-\(level)")
            #expect(theftsInLog() == thefts)
        }
        #expect(await server.stop() == 0)
    }

    @Test(
        arguments: [
            (#"{"access-lifetime": 5}"#, nil, "access-lifetime takes a number from 30"),
            (#"{"access-lifetime": 60"#, nil, "cannot be read as JSON"),
            (#"{"access-lifetime": 60}"#, "not a secret", "Master secret 1 is not 32 bytes"),
            (#"{"access-lifetime": 60}"#, texts[1], "None of the configured master secrets opens"),
        ] as [(String, String?, String)])
    func `nothing from a file that cannot be taken over, and says so`(
        settings: String, secret: String?, complaint: String
    ) async throws {
        let place = try Workplace()
        let file = try place.write("{}", to: "pawl.json")
        let secretFile = try place.write(Self.texts[0], to: "secret")
        let server = try await place.serve(["--config", file, "--master-secret-file", secretFile])
        let ana = try await place.register("ana")
        _ = try place.write(settings, to: "pawl.json")
        if let secret { _ = try place.write(secret, to: "secret") }
        server.signal(SIGHUP)
        try await server.waitUntilPrinted(complaint)
        #expect(server.printed.contains(#""event":"reload_failed""#))
        let next = try Self.tokens(try await place.refresh(try #require(ana.refreshToken), attempt: "anas-attempt-001"))
        #expect(next.expiresIn == 900)
        #expect(try Self.keyID(next.refreshToken) == Self.keyID(ana.refreshToken))
        #expect(await server.stop() == 0)
    }

    // FAULTS F7
    @Test
    func `what it can, and names each changed setting that takes a restart, without its value`() async throws {
        let place = try Workplace()
        let file = try place.write(#"{"access-lifetime": 300, "port": 1}"#, to: "pawl.json")
        let server = try await place.serve(["--config", file])
        _ = try place.write(
            #"{"access-lifetime": 60, "port": 2, "registration": "closed", "trusted-proxies": "192.0.2.77"}"#,
            to: "pawl.json")
        server.signal(SIGHUP)
        try await server.waitUntilPrinted(#""event":"reload_ignored""#)
        #expect(server.printed.contains(#""access-lifetime":"300 → 60""#))
        // Flags win: the port and registration of the command line are in force, and stay so.
        #expect(server.printed.contains(#""settings":"trusted-proxies""#), "\(server.printed)")
        #expect(!server.printed.contains("192.0.2.77"))
        #expect(await server.stop() == 0)
    }

    // FAULTS F7
    @Test
    func `nothing where the secrets' file is gone: the server goes on with those it has, and says so`() async throws {
        let place = try Workplace()
        let file = try place.write(Self.texts[0], to: "secret")
        let server = try await place.serve(["--master-secret-file", file])
        let ana = try await place.register("ana")
        try FileManager.default.removeItem(atPath: file)
        server.signal(SIGHUP)
        try await server.waitUntilPrinted("The server goes on with the secrets that it has")
        #expect(server.printed.contains(#""event":"reload_failed""#))
        #expect(!server.printed.contains("Give --database"))
        #expect(try await place.refresh(try #require(ana.refreshToken), attempt: "anas-attempt-001").status == 200)
        #expect(await server.stop() == 0)
    }
}
