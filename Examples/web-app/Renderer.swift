import AsyncHTTPClient
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import PawlAPI

/// Renders a page for the user who is signed in, before any script runs. It sits on Pawl's host, so the browser sends it the
/// refresh cookie; it passes that on, and what Pawl answers back.
///
/// Each page turns the session, and no attempt is named: a renderer cannot know the browser's. So the leeway must do. If
/// the answer is lost and the old cookie comes back after it, that looks like theft.
struct Renderer: Sendable {
    let pawl: String
    /// Its own origin, which Pawl has in its setting `origins`. Without it the cookie would be refused.
    let origin: String

    func page(for request: Request) async throws -> Response {
        // A reader who follows a link from another site comes without the cookie, which is `SameSite=Strict`. This page sends
        // them here once more: then it is a page of this origin that asks, and the cookie comes along. That is right for
        // what only shows something; an address that does something must not be reached from elsewhere like that.
        guard request.headers[HTTPField.Name("Sec-Fetch-Site")!] != "cross-site" else {
            return html(#"<!doctype html><title>One moment</title><meta http-equiv="refresh" content="0">"#)
        }
        var refresh = HTTPClientRequest(url: pawl + PawlPath.refresh)
        refresh.method = .POST
        refresh.headers.add(name: "Origin", value: origin)
        // All cookies: Pawl knows which of them is its own. No `Sec-Fetch-` fields: they speak of another request.
        refresh.headers.add(name: "Cookie", value: request.headers[.cookie] ?? "")
        let answer = try await HTTPClient.shared.execute(refresh, timeout: .seconds(10))
        let body = try await answer.body.collect(upTo: 16_384)

        var name = "nobody"
        if answer.status == .ok {
            name = try JSONDecoder().decode(TokenResponse.self, from: Data([UInt8](buffer: body))).subject
        } else if answer.status != .unauthorized {  // who is signed in still is
            return Response(status: .serviceUnavailable, headers: [.retryAfter: "1"])
        }
        var response = html("<!doctype html><title>Rendered</title><p>For \(name).")
        for cookie in answer.headers["Set-Cookie"] { response.headers.append(.init(name: .setCookie, value: cookie)) }
        return response
    }

    private func html(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
