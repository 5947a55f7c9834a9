import Foundation
import PawlAPI
import ServerTesting
import Testing

@Suite("Settings of the binary", .timeLimit(.minutes(10)))
struct SettingsTests {
    @Test
    func `A flag wins over the environment, the environment over the file`() async throws {
        let place = try Workplace()
        let file = try place.write(
            "{\"access-lifetime\": 100, \"idle-lifetime\": 1000, \"absolute-lifetime\": 2000}", to: "pawl.json")
        let server = try await place.serve(
            ["--config", file, "--access-lifetime", "300"],
            environment: ["PAWL_ACCESS_LIFETIME": "200", "PAWL_IDLE_LIFETIME": "1500"])
        let tokens = try await place.register("alice")
        #expect(tokens.expiresIn == 300)
        #expect(tokens.refreshTokenTimeout == 1500)
        #expect(tokens.authorizationExpiresIn == 2000)
        #expect(await server.stop() == 0)
    }

    @Test(
        arguments: [
            (["--on-reuse", "shrug"], [:], "on-reuse takes one of end, report"),
            (["--leeway", "9000"], [:], "leeway takes a number from 0 to 300"),
            (["--drain-delay", "3600"], [:], "drain-delay takes a number from 0 to 600"),
            (["--ops-names", "pawl.internal:8081"], [:], "ops-names takes host names such as pawl.internal"),
            (["--network-failures", "5000"], [:], "network-failures takes a number from 0 to 3600"),
            (["--trusted-proxies", "everyone"], [:], "trusted-proxies takes addresses or blocks"),
            (["--public-url", "auth.example.com"], [:], "public-url takes a URL"),
            (["--public-url", "https://example.com/auth"], [:], "public-url takes a URL"),
            (["--public-url", "ftp://example.com"], [:], "public-url takes a URL"),
            (["--origins", "https://app.example.com/"], [:], "origins takes origins such as https://app.example.com"),
            (["--origins", "*"], [:], "origins takes origins"),
            (["--origins", "null"], [:], "origins takes origins"),
            (["--origins", "http://app.example.com"], [:], "Use https"),
            (
                ["--origins", "https://a.example.com", "--native-origins", "https://A.example.com"], [:],
                "cannot be in origins and in native-origins"
            ),
            (["--audience", String(repeating: "a", count: 513)], [:], "audience is longer than 512 bytes"),
            (["--cookie-path", "/app"], [:], "cookie-path takes one of /, /auth"),
            (["--database", "mysql:x"], [:], "database takes sqlite:PATH"),
            ([], ["PAWL_PORT": "many"], "The setting port has a value of the wrong kind"),
            ([], ["PAWL_MASTER_SECRET": "tooshort"], "Master secret 1 is not 32 bytes in base64"),
            ([], ["PAWL_CONFIG": "/nowhere/pawl.json"], "/nowhere/pawl.json cannot be read"),
        ] as [([String], [String: String], String)])
    func `What cannot be meant stops the start and says why`(
        _ arguments: [String], environment: [String: String], message: String
    ) async throws {
        let place = try Workplace()
        let database = arguments.contains("--database") ? [] : ["--database", place.database]
        let result = try await PawlProcess.run(["serve"] + database + arguments, environment: environment)
        #expect(result.status != 0)
        #expect(result.output.contains(message), "\(result.output)")
        #expect(!result.output.contains("tooshort"))
    }

    @Test
    func `A misspelt name in the file stops the start`() async throws {
        let place = try Workplace()
        let file = try place.write("{\"leway\": 0}", to: "pawl.json")
        let result = try await PawlProcess.run(["serve", "--database", place.database, "--config", file])
        #expect(result.status != 0)
        #expect(result.output.contains("there is no setting \"leway\""))
    }

    @Test(.timeLimit(.minutes(1)))
    func `The master secret: made with mode 0600, refused when others can read it, missed when it is gone`()
        async throws
    {
        let place = try Workplace()
        let first = try await place.serve()
        #expect(first.printed.contains("Made a master secret"))
        let attributes = try FileManager.default.attributesOfItem(atPath: place.secretFile)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)

        let second = try await PawlProcess.run(["serve", "--database", place.database])
        #expect(second.status != 0)
        #expect(second.output.contains("Another process is using this database"))
        #expect(await first.stop() == 0)

        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: place.secretFile)
        let readable = try await PawlProcess.run(["serve", "--database", place.database])
        #expect(readable.status != 0)
        #expect(readable.output.contains("chmod 600"))

        try FileManager.default.removeItem(atPath: place.secretFile)
        let missing = try await PawlProcess.run(["serve", "--database", place.database])
        #expect(missing.status != 0)
        #expect(missing.output.contains("its master secret does not"))

        let other = Data(repeating: 7, count: 32).base64EncodedString()
        let wrong = try await PawlProcess.run(
            ["serve", "--database", place.database], environment: ["PAWL_MASTER_SECRET": other])
        #expect(wrong.status != 0)
        #expect(wrong.output.contains("None of the configured master secrets opens this database's signing keys"))
    }

    @Test
    func `Off a terminal, every line of the log is a JSON object`() async throws {
        let place = try Workplace()
        let server = try await place.serve(["--log-level", "debug"])
        _ = try await place.register("alice")
        #expect(await server.stop() == 0)
        let lines = server.printed.split(separator: "\n")
        #expect(lines.count >= 3)
        for line in lines {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["time"] != nil && object["level"] != nil && object["message"] != nil)
        }
    }

    @Test
    func `A log that cannot be written is lost; the server is not`() async throws {
        let place = try Workplace()
        let command = """
            exec '\(PawlProcess.binaries.path)/pawl' serve --database \(place.database) --port \(place.port) \
                --ops-port \(place.opsPort) --registration open --log-level debug --log-format json 2>/dev/full
            """
        let server = try PawlProcess(URL(filePath: "/bin/bash"), ["-c", command])
        try await place.waitUntilHealthy()
        _ = try await place.register("alice")
        #expect(await server.stop() == 0)
    }

    @Test
    func `A link to the database does not get round its lock, and a link to the secret is as good as the file`()
        async throws
    {
        let place = try Workplace()
        let server = try await place.serve()
        let link = place.folder.appending(path: "link.sqlite").path
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: String(place.database.dropFirst("sqlite:".count)))
        let secret = place.folder.appending(path: "secret").path
        try FileManager.default.createSymbolicLink(atPath: secret, withDestinationPath: place.secretFile)
        let second = try await PawlProcess.run(
            ["serve", "--database", "sqlite:" + link, "--master-secret-file", secret])
        #expect(second.status != 0)
        #expect(second.output.contains("Another process is using this database"), "\(second.output)")
        #expect(await server.stop() == 0)
    }

    @Test
    func `The documentation's table has every option of --help, and no other`() async throws {
        let help = try await PawlProcess.run(["serve", "--help"]).output
        let documentation = try String(
            contentsOf: PawlProcess.repository.appending(path: "docs/configuration.md"), encoding: .utf8)
        let options = Set(help.matches(of: #/^  (--[a-z-]+) /#.anchorsMatchLineEndings()).map { String($0.1) })
        let rows = documentation.matches(of: /^\| `(--[a-z-]+)` \| `(PAWL_[A-Z_]+)` \|/.anchorsMatchLineEndings())
        #expect(options.count > 20)
        #expect(Set(rows.map { String($0.1) }) == options.subtracting(["--version", "--help"]))
        for row in rows {
            #expect(row.2 == "PAWL_" + row.1.dropFirst(2).uppercased().replacing("-", with: "_"))
        }
        #expect(try await PawlProcess.run(["--version"]).output.hasPrefix("pawl "))
    }
}
