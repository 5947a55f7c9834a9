import Foundation
import Hummingbird
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlJOSE
import PawlTesting
import Synchronization
import Testing

@testable import PawlGuard

@Suite("Guards and clocks", .timeLimit(.minutes(1)))
struct PublishedKeysTests {
    // FAULTS E2
    @Test(.tags(.p2), arguments: [0, 30, 120] as [Int64])
    func `A guard forgives as many seconds between its clock and the issuer's as it is told to, on either side`(
        _ skew: Int64
    ) async throws {
        try await Self.withIssuer { issuer in
            let date = ManualClock()
            let token = try issuer.token(at: date.now.seconds)
            for (offset, refusal) in [
                (-skew, nil), (-skew - 1, .notYetValid), (skew + 899, nil), (skew + 900, .expired),
            ] as [(Int64, AccessTokenError?)] {
                let keys = issuer.published(skew: skew, at: { date.now.seconds + offset })
                #expect(await Self.refusal(of: token, by: keys) == refusal, "\(offset)")
            }
        }
    }

    @Test
    func `Unless it is told otherwise, a guard forgives half a minute`() async throws {
        try await Self.withIssuer { issuer in
            let now = Int64(Date().timeIntervalSince1970)
            let router = Router(context: GuardedContext.self)
            router.add(middleware: PawlGuard(issuer: issuer.url, logger: LogCapture().logger))
            router.get("open") { _, _ in "" }
            try await withApplication(router) { api in
                for (offset, status) in [(20, 200), (60, 401)] as [(Int64, Int)] {
                    let headers = ["Authorization": "Bearer \(try issuer.token(at: now + offset))"]
                    #expect(try await api.send(.GET, "/open", headers: headers).status == status)
                }
            }
        }
    }

    // FAULTS E3
    @Test(.tags(.p2))
    func `A guard's keys grow old, and are fetched again, though somebody sets its clock back`() async throws {
        try await Self.withIssuer { issuer in
            let (date, uptime) = (ManualClock(), ManualClock())
            let keys = issuer.published(at: { date.now.seconds }, uptime: { uptime.now.seconds })
            func refusal() async throws -> AccessTokenError? {
                await Self.refusal(of: try issuer.token(at: date.now.seconds), by: keys)
            }
            let first = issuer.key
            #expect(try await refusal() == nil)
            date.advance(by: -86400)

            // A key that is not known is asked for, ten seconds after the last time.
            issuer.key = SigningKey(id: "second", generating: .es256)
            uptime.advance(by: 9)
            #expect(try await refusal() == .unknownKey)
            uptime.advance(by: 1)
            #expect(try await refusal() == nil)
            let old = try first.sign(issuer.claims(at: date.now.seconds))
            #expect(await Self.refusal(of: old, by: keys) == .unknownKey)

            // One that was retired is forgotten after five minutes.
            let retired = try issuer.token(at: date.now.seconds)
            issuer.key = SigningKey(id: "third", generating: .es256)
            uptime.advance(by: 299)
            #expect(await Self.refusal(of: retired, by: keys) == nil)
            uptime.advance(by: 1)
            #expect(await Self.refusal(of: retired, by: keys) == .unknownKey)
        }
    }

    private static func refusal(of token: String, by keys: PublishedKeys) async -> AccessTokenError? {
        do throws(AccessTokenError) {
            _ = try await keys.validate(token)
            return nil
        } catch {
            return error
        }
    }

    /// Publishes one key at a time, and signs with it.
    private final class Issuer: Sendable {
        let url: String
        private let current = Mutex(SigningKey(id: "first", generating: .es256))

        init(url: String) { self.url = url }

        var key: SigningKey {
            get { current.withLock { $0 } }
            set { current.withLock { $0 = newValue } }
        }

        func claims(at now: Int64) -> AccessTokenClaims {
            AccessTokenClaims(
                issuer: url, subject: "somebody", audience: [url], expiresAt: now + 900, issuedAt: now, id: "1",
                clientID: "first-party")
        }

        func token(at now: Int64) throws -> String { try key.sign(claims(at: now)) }

        func published(
            skew: Int64 = 30, at now: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Int64 = { 0 }
        ) -> PublishedKeys {
            PublishedKeys(
                verifier: AccessTokenVerifier(issuer: url, audience: url, skew: skew), logger: LogCapture().logger,
                now: now, uptime: uptime)
        }
    }

    private static func withIssuer(_ body: @Sendable (Issuer) async throws -> Void) async throws {
        let port = try await freePort()
        let issuer = Issuer(url: "http://127.0.0.1:\(port)")
        let router = Router(context: GuardedContext.self)
        router.get("\(PawlPath.metadata)") { _, _ in
            try json(ServerMetadata(issuer: issuer.url, jwksURI: issuer.url + PawlPath.keys))
        }
        router.get("\(PawlPath.keys)") { _, _ in try json(JSONWebKeySet(keys: [issuer.key.verificationKey.jwk])) }
        try await withApplication(router, port: port) { _ in try await body(issuer) }
    }

    private static func json(_ body: some Encodable) throws -> Response {
        Response(status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: try JSONEncoder().encode(body))))
    }
}
