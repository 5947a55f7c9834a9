import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

/// `Examples/web-app` with a Pawl of its own.
@Suite("The example of a web app", .timeLimit(.minutes(10)))
struct WebAppTests {
    private static func run(
        _ body: (_ place: Workplace, _ app: Int, _ api: Int) async throws -> Void
    ) async throws {
        let place = try Workplace()
        let (app, api) = (try Workplace.freePort(), try Workplace.freePort())
        let server = try await place.serve(["--origins", "http://localhost:\(app)"])
        let example = try PawlProcess(
            "web-app",
            ["--port", "\(app)", "--api-port", "\(api)", "--pawl", "http://localhost:\(place.port)"])
        for port in [app, api] { try await example.waitUntilPrinted("127.0.0.1:\(port)") }
        try await body(place, app, api)
        #expect(await example.stop() == 0)
        #expect(await server.stop() == 0)
    }

    private static func send(
        _ method: HTTPMethod, _ port: Int, _ path: String, _ headers: [String: String], body: String? = nil
    ) async throws -> (status: Int, headers: HTTPHeaders, text: String) {
        var request = HTTPClientRequest(url: "http://localhost:\(port)\(path)")
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes([UInt8](body.utf8)) }
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let text = String(decoding: [UInt8](buffer: try await answer.body.collect(upTo: 1 << 20)), as: UTF8.self)
        return (Int(answer.status.code), answer.headers, text)
    }

    private static func signIn(_ name: String, at place: Workplace, from app: Int) async throws
        -> (accessToken: String, cookie: String)
    {
        let body = #"{"identifier":"\#(name)","password":"correct horse battery"}"#
        let answer = try await send(
            .POST, place.port, PawlPath.register,
            ["Content-Type": "application/json", "Origin": "http://localhost:\(app)"], body: body)
        #expect(answer.status == 201)
        let tokens = try JSONDecoder().decode(TokenResponse.self, from: Data(answer.text.utf8))
        let cookie = try #require(answer.headers["Set-Cookie"].first?.split(separator: ";").first)
        return (tokens.accessToken, String(cookie))
    }

    @Test(.tags(.p12))
    func `The API lets pages of the app alone read its answers, and editors alone delete`() async throws {
        try await Self.run { place, app, api in
            let origin = ["Origin": "http://localhost:\(app)"]
            let page = try await Self.send(.GET, app, "/", [:])
            #expect(page.text.contains("app.js"))
            let without = try await Self.send(.GET, api, "/notes", origin)
            #expect(without.status == 401)
            #expect(without.headers["Access-Control-Allow-Origin"] == ["http://localhost:\(app)"])
            #expect(without.headers["Access-Control-Expose-Headers"] == ["WWW-Authenticate"])
            let stranger = try await Self.send(.GET, api, "/notes", ["Origin": "https://evil.example.com"])
            #expect(stranger.headers["Access-Control-Allow-Origin"].isEmpty)

            let alice = try await Self.signIn("alice", at: place, from: app)
            let signedIn = origin.merging(["Authorization": "Bearer \(alice.accessToken)"]) { $1 }
            #expect(try await Self.send(.GET, api, "/notes", signedIn).text.contains("Buy milk."))
            let json = signedIn.merging(["Content-Type": "application/json"]) { $1 }
            #expect(try await Self.send(.POST, api, "/notes", json, body: #"{"text":"Sleep."}"#).status == 201)
            #expect(try await Self.send(.DELETE, api, "/notes/1", signedIn).status == 403)
            let roles = try await PawlProcess.run(["user", "roles", "alice", "editor"] + place.operating)
            #expect(roles.status == 0)
            let turned = try await Self.send(
                .POST, place.port, PawlPath.refresh, origin.merging(["Cookie": alice.cookie]) { $1 })
            let tokens = try JSONDecoder().decode(TokenResponse.self, from: Data(turned.text.utf8))
            let editor = origin.merging(["Authorization": "Bearer \(tokens.accessToken)"]) { $1 }
            #expect(try await Self.send(.DELETE, api, "/notes/1", editor).status == 204)
        }
    }

    @Test(.tags(.p12))
    func `The renderer passes the browser's cookie on and the new one back`() async throws {
        try await Self.run { place, app, _ in
            let alice = try await Self.signIn("alice", at: place, from: app)
            let first = try await Self.send(.GET, app, "/rendered", ["Cookie": "theme=dark; \(alice.cookie)"])
            #expect(first.status == 200)
            #expect(!first.text.contains("nobody"))
            let cookie = try #require(first.headers["Set-Cookie"].first)
            #expect(cookie.hasSuffix("Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict"))
            let pair = String(try #require(cookie.split(separator: ";").first))
            #expect(pair != alice.cookie)
            #expect(try await Self.send(.GET, app, "/rendered", ["Cookie": pair]).text == first.text)
            #expect(try await Self.send(.GET, app, "/rendered", [:]).text.contains("nobody"))
        }
    }
}
