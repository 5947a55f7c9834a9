import Foundation
import NIOHTTP1
import PawlAPI
import PawlServer
import PawlTesting
import Testing

@Suite("Pages and pawl.js", .timeLimit(.minutes(5)))
struct PagesTests {
    private static let pages = [
        PawlPath.account, PawlPath.signInPage, PawlPath.registerPage, PawlPath.passwordPage,
    ]
    private static let files = [
        "account.js": "text/javascript; charset=utf-8", "account.css": "text/css; charset=utf-8",
        "logo.svg": "image/svg+xml",
    ]

    private static func source(_ name: String) throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return [UInt8](try Data(contentsOf: root.appending(path: "Sources/PawlPages/Resources/\(name)")))
    }

    @Test(.tags(.p12))
    func `A page may load its own files and nothing else, and nobody may frame it`() async throws {
        try await LiveServer.run { server in
            for path in Self.pages {
                let page = try await server.send(.GET, path)
                #expect(page.status == 200)
                #expect(page.headers["Content-Type"] == ["text/html; charset=utf-8"])
                let policy = try #require(page.headers["Content-Security-Policy"].first)
                let rules = policy.split(separator: "; ").map(String.init)
                #expect(
                    Set(rules) == [
                        "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                        "img-src 'self'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
                        "require-trusted-types-for 'script'", "trusted-types 'none'",
                    ])
                #expect(page.headers["X-Frame-Options"] == ["DENY"])
                #expect(page.headers["Cross-Origin-Opener-Policy"] == ["same-origin"])
                #expect(page.headers["Cross-Origin-Resource-Policy"] == ["same-origin"])
                #expect(page.headers["Access-Control-Allow-Origin"].isEmpty)
                #expect(!page.text.contains("{{"), "a template that was not filled")
                #expect(!page.text.contains("<script>") && !page.text.contains("style="), "the policy forbids both")
            }
        }
    }

    @Test
    func `The well-known address for changing passwords leads to the page that does it`() async throws {  // FAULTS E4
        try await LiveServer.run { server in
            let head = "GET \(PawlPath.changePassword) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            let answer = try await RawConnection.exchange(port: server.port, [head])
            #expect(answer.hasPrefix("HTTP/1.1 302 "))
            #expect(answer.lowercased().contains("\r\nlocation: /account/password\r\n"))
            #expect(try await server.send(.GET, PawlPath.passwordPage).status == 200)
        }
    }

    @Test
    func `Pages say what is configured`() async throws {
        var options = LiveServer.Options()
        options.configure = {
            $0.minimumPasswordLength = 21
            $0.isRegistrationOpen = true
        }
        try await LiveServer.run(options) { server in
            let (register, signIn) = try await Self.frontPages(server)
            #expect(register.contains("At least 21 characters"))
            #expect(signIn.contains(PawlPath.registerPage))
        }
        options = LiveServer.Options()
        options.configure = { $0.isRegistrationOpen = false }
        try await LiveServer.run(options) { server in
            let (register, signIn) = try await Self.frontPages(server)
            #expect(!register.contains("<form"))
            #expect(!signIn.contains(PawlPath.registerPage))
        }
    }

    private static func frontPages(_ server: LiveServer) async throws -> (register: String, signIn: String) {
        (
            try await server.send(.GET, PawlPath.registerPage).text,
            try await server.send(.GET, PawlPath.signInPage).text
        )
    }

    @Test
    func `Files come as they are in the sources, and pawl.js for pages of any origin`() async throws {
        try await LiveServer.run { server in
            for (name, type) in Self.files {
                let file = try await server.send(.GET, "\(PawlPath.accountFiles)/\(name)")
                let source = try Self.source(name)
                #expect(file.body == source)
                #expect(file.headers["Content-Type"] == [type])
                #expect(file.headers["Access-Control-Allow-Origin"].isEmpty)
            }
            for path in [PawlPath.browserClient, PawlPath.browserClientTypes] {
                let file = try await server.send(.GET, path)
                let source = try Self.source(String(path.dropFirst()))
                #expect(file.body == source)
                #expect(file.headers["Access-Control-Allow-Origin"] == ["*"])
                #expect(file.headers["Cross-Origin-Resource-Policy"] == ["cross-origin"])
                #expect(file.headers["Vary"].isEmpty)
            }
        }
    }

    @Test
    func `A strong ETag tells whether a copy is still right`() async throws {
        try await LiveServer.run { server in
            var tags: Set<String> = []
            let paths = Self.pages + Self.files.keys.map { "\(PawlPath.accountFiles)/\($0)" } + [PawlPath.browserClient]
            for path in paths {
                let first = try await server.send(.GET, path)
                let tag = try #require(first.headers["ETag"].first)
                #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tags.insert(tag).inserted)
                #expect(first.headers["Cache-Control"] == ["no-cache"])
                for known in [tag, "\"other\", \(tag)", "W/\(tag)", "*"] {
                    let again = try await server.send(.GET, path, headers: ["If-None-Match": known])
                    #expect(again.status == 304)
                    #expect(again.body.isEmpty)
                    #expect(again.headers["ETag"] == [tag])
                }
                #expect(try await server.send(.GET, path, headers: ["If-None-Match": "\"other\""]).status == 200)
            }
        }
    }

    @Test
    func `The session that asks says who it is, for the pages to show`() async throws {
        try await LiveServer.run { server in
            let tokens = try await server.register("Alice@Example.com")
            let session = try await server.get(PawlPath.session, tokens).decode(SessionDescription.self)
            #expect(session.identifier == "Alice@Example.com", "as it was typed")
            let devices = try await server.get(PawlPath.sessions, tokens).decode(SessionList.self)
            #expect(devices.sessions.allSatisfy { $0.identifier == nil && $0.subject == nil })
        }
    }
}
