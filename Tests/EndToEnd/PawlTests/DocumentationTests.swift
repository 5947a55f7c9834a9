import Foundation
import NIOHTTP1
import PawlAPI
import ServerTesting
import Testing

@Suite("What the README shows", .timeLimit(.minutes(10)))
struct DocumentationTests {
    @Test
    func `The curl story works as printed, and the thief is caught`() async throws {
        let place = try Workplace()
        let server = try await place.serve(["--leeway", "10"])
        let apiPort = try Workplace.freePort()
        // Ports, folder and leeway are the test's; everything else runs as it stands in the README.
        let script = try Self.commands(in: "README.md", "## Try it", "## Test it")
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

    @Test
    func `The embedding example stands in the compiled snippet, and runs`() async throws {
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

    @Test
    func `The snippets at the top of the README stand in code that is compiled or run by other tests`() throws {
        let top = try Self.section("# Pawl", "## Run it")
        let sources = try ["Snippets/embed/main.swift", "Examples/resource-server/main.swift", "docs/browsers.md"]
            .map { try String(contentsOf: PawlProcess.repository.appending(path: $0), encoding: .utf8) }
        let blocks = top.matches(of: /```(?:swift|js)\n(.*?)```/.dotMatchesNewlines()).map { String($0.1) }
        #expect(blocks.count == 4)
        for block in blocks { #expect(sources.contains { $0.contains(block) }, "\(block)") }
    }

    @Test
    func `The table of metrics has every metric that there is, and no other; alerts use no other`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let answer = try await place.send(.GET, PawlPath.metrics, port: place.opsPort)
        let text = String(decoding: answer.body, as: UTF8.self)
        let there = Set(text.matches(of: /(?m)^# TYPE (\S+)/).map { String($0.1) })
        #expect(there.count > 15)
        let document = try String(
            contentsOf: PawlProcess.repository.appending(path: "docs/operations.md"), encoding: .utf8)
        let section = try #require(document.firstMatch(of: /## Metrics(.*?)### Alerts/.dotMatchesNewlines()))
        let rows = section.1.matches(of: /(?m)^\| (`[^|]+) \|/).flatMap { $0.1.matches(of: /`(\w+)`/) }
        #expect(Set(rows.map { String($0.1) }) == there)
        for name in document.matches(of: /\b(?:pawl|process)_[a-z_]+(?:_seconds|_total|_state|_queue|_fds|_bytes)\b/) {
            #expect(there.contains(String(name.0)), "\(name.0)")
        }
        // What the operating system says is looked up for each answer.
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"] {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") })
            let value = try #require(Double(line.dropFirst(name.count + 1)))
            #expect(value > 0)
        }
        #expect(text.contains(#"pawl_http_answers_total{route="/auth/refresh",status="5xx"} 0"#))
        #expect(await server.stop() == 0)
    }

    @Test func `The code in the libraries' documentation stands in code that is compiled`() throws {
        let root = PawlProcess.repository
        func lines(_ text: some StringProtocol) -> String {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
        }
        let sources = try [
            "Snippets/embed/main.swift", "Snippets/guard/main.swift", "Tests/Contract/Outside/SessionTests.swift",
        ].map { lines(try String(contentsOf: root.appending(path: $0), encoding: .utf8)) }
        var count = 0
        for module in ["PawlServer", "PawlGuard", "PawlTesting"] {
            let folder = root.appending(path: "Sources/\(module)/\(module).docc")
            for page in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                let text = try String(contentsOf: page, encoding: .utf8)
                for block in text.matches(of: /```swift\n(.*?)```/.dotMatchesNewlines()) {
                    #expect(sources.contains { $0.contains(lines(block.1)) }, "\(page.lastPathComponent): \(block.1)")
                    count += 1
                }
            }
        }
        #expect(count >= 8)
    }

    /// The shell of the operator in the document: its folders are the test's, and systemd is a function.
    private static let operatorShell = """
        systemctl() {
            case $1 in
            start) pawl serve --registration open 2>> serve.log & server=$!
                curl -s --retry 100 --retry-delay 1 --retry-connrefused http://127.0.0.1:$PAWL_OPS_PORT/readyz ;;
            stop) kill $server; wait $server || exit 1 ;;
            restart) systemctl stop && systemctl start ;;
            esac
        }
        sudo() { shift 2; "$@"; }
        sign_up() {
            curl -s http://127.0.0.1:$PAWL_PORT/auth/register -H 'Content-Type: application/json' \\
                -d "{\\"identifier\\": \\"$1\\", \\"password\\": \\"correct horse battery\\"}" > /dev/null
        }
        set -e
        install -d -m 700 /etc/pawl /var/lib/pawl
        (umask 077 && openssl rand -base64 32 > /etc/pawl/master-secret)
        cat > /etc/pawl/pawl.json <<'END'
        {
            "public-url": "https://auth.example.com",
            "database": "sqlite:/var/lib/pawl/pawl.sqlite",
            "master-secret-file": "/etc/pawl/master-secret"
        }
        END
        PAWL_CONFIG=/etc/pawl/pawl.json systemctl start pawl

        """

    @Test
    func `What operations.md tells an operator to type works: look, back up, restore, rotate a secret, retire a key`()
        async throws
    {
        let place = try Workplace()
        let document = "docs/operations.md"
        let steps = [
            try Self.commands(in: document, "### The first look", "## Start and stop"),
            "sign_up ana",
            try Self.commands(in: document, "## Backup", "## Restore"),
            "sign_up ben",
            try Self.commands(in: document, "## Master secrets", "## Backup"),
            try Self.commands(in: document, "## Restore", "## Recover"),
            "pawl user list",
            try Self.commands(in: document, "## Signing keys", "## Master secrets"),
            "systemctl stop",
        ]
        let script = (Self.operatorShell + steps.joined(separator: "\n"))
            .replacing("/etc/pawl", with: place.folder.path + "/etc")
            .replacing("/var/lib/pawl", with: place.folder.path + "/lib")
        let shell = try PawlProcess(
            URL(filePath: "/bin/bash"),
            ["-u", "-c", "cd \(place.folder.path)\nPATH=\(PawlProcess.binaries.path):$PATH\n" + script],
            environment: ["PAWL_PORT": String(place.port), "PAWL_OPS_PORT": String(place.opsPort)])
        let status = await shell.end()
        let output = shell.printed
        #expect(status == 0, "\(output)")
        #expect(!output.contains("problem"), "\(output)")
        #expect(output.contains("SESSIONS") && output.contains("What it seals: signing keys: 0, passwords: 2"))
        #expect(output.contains("ana") && !output.contains("ben"), "the restored backup knows the first user alone")
        #expect(output.contains("KEY"))
    }

    /// The shell commands of a section.
    private static func commands(in document: String, _ start: String, _ end: String) throws -> String {
        try section(start, end, in: document).matches(of: /```sh\n(.*?)```/.dotMatchesNewlines())
            .map { String($0.1) }.joined()
    }

    @Test
    func `Every link in the documents leads somewhere`() throws {
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

    private static func section(
        _ start: String, _ end: String, in document: String = "README.md"
    ) throws -> String {
        let text = try String(contentsOf: PawlProcess.repository.appending(path: document), encoding: .utf8)
        let from = try #require(text.range(of: start + "\n"))
        let to = try #require(text.range(of: end + "\n", range: from.upperBound..<text.endIndex))
        return String(text[from.upperBound..<to.lowerBound])
    }
}
