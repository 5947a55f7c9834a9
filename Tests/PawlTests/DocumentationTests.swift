import Foundation
import NIOHTTP1
import PawlAPI
import Testing

@Suite("What the README shows")
struct DocumentationTests {
    @Test("The curl story works as printed, and the thief is caught")
    func story() async throws {
        let place = try Workplace()
        let server = try await place.serve(["--leeway", "10"])
        let apiPort = try Workplace.freePort()
        // Ports, folder and leeway are the test's; everything else runs as it stands in the README.
        let script = try Self.section("## Try it", "## Test it")
            .matches(of: /```sh\n(.*?)```/.dotMatchesNewlines()).map { String($0.1) }.joined()
            .replacing("http://localhost:8080", with: "http://localhost:\(place.port)")
            .replacing("8090", with: String(apiPort))
            .replacing(".build/debug/", with: PawlProcess.binaries.path + "/")
            .replacing("sqlite:data/pawl.sqlite", with: place.database)
            .replacing("sleep 31", with: "sleep 11")
        let shell = try PawlProcess(
            URL(filePath: "/bin/bash"), ["-u", "-c", script], environment: ["PAWL_OPS_PORT": String(place.opsPort)])
        _ = await shell.end()
        let output = shell.printed
        var rest = output[...]
        for expected in [
            "\"refresh_token\": \"prt_", "\"roles\":[]", "403 Forbidden", "editor", "\"visitors\":42",
            "the same token", "[409,\"refresh_conflict\"]", "[401,\"session_ended\",\"reused\"]",
            "[401,\"session_ended\",\"reused\"]",
        ] {
            let found = try #require(rest.range(of: expected), "\(expected) is missing in: \(output)")
            rest = rest[found.upperBound...]
        }
        #expect(await server.stop() == 0)
    }

    @Test("The embedding example stands in the compiled snippet, and runs")
    func embed() async throws {
        let snippet = try String(
            contentsOf: PawlProcess.repository.appending(path: "Snippets/embed/main.swift"), encoding: .utf8)
        let block = try #require(
            try Self.section("## Embed it", "## The tour").firstMatch(of: /```swift\n(.*?)```/.dotMatchesNewlines()))
        #expect(snippet.contains(block.1))

        let place = try Workplace()
        let app = try PawlProcess(
            "embed", [place.folder.path + "/app.sqlite", String(place.port)],
            environment: ["PAWL_MASTER_SECRET": Data((0..<32).map { _ in .random(in: 0...255) }).base64EncodedString()])
        try await app.waitUntilPrinted("Server started")
        let tokens = try await place.register("alice")
        let hello = try await place.send(
            .GET, "/hello", headers: ["Authorization": "Bearer \(tokens.accessToken)"])
        #expect(String(decoding: hello.body, as: UTF8.self) == "Hello, \(tokens.subject)!")
        #expect(try await place.send(.GET, "/hello").status == 401)
        #expect(await app.stop() == 0)
    }

    @Test("Every link in the documents leads somewhere")
    func links() throws {
        let root = PawlProcess.repository
        let documents =
            ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map { root.appending(path: $0) }
            + (try FileManager.default.contentsOfDirectory(
                at: root.appending(path: "docs"), includingPropertiesForKeys: nil)).filter { $0.pathExtension == "md" }
        for document in documents {
            let text = try String(contentsOf: document, encoding: .utf8)
            for link in text.matches(of: /\]\(([^)#:]+)(#[^)]*)?\)/) {
                let target = document.deletingLastPathComponent().appending(path: String(link.1))
                #expect(FileManager.default.fileExists(atPath: target.path), "\(document.lastPathComponent): \(link.1)")
            }
        }
    }

    private static func section(_ start: String, _ end: String) throws -> String {
        let text = try String(contentsOf: PawlProcess.repository.appending(path: "README.md"), encoding: .utf8)
        let from = try #require(text.range(of: start))
        let to = try #require(text.range(of: end))
        return String(text[from.upperBound..<to.lowerBound])
    }
}
