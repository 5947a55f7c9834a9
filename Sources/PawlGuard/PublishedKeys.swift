import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlJOSE

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The issuer's keys as it publishes them (RFC 8414, RFC 7517): fetched when first needed and cached, again when they
/// are old or a token names one that is not there, by one request at a time and not too often.
actor PublishedKeys: AccessTokenChecker {
    /// Seconds.
    private enum Limit {
        /// As published by the server: how long a key that was retired in an emergency may still be believed.
        static let cache: Int64 = 300
        /// Between two fetches: a stream of unknown key ids causes no stream of requests.
        static let coolDown: Int64 = 10
        /// How much longer old keys serve while the issuer does not answer.
        static let grace: Int64 = 900
        static let answerSize = 64 * 1024
        /// For one fetch.
        static let time = TimeAmount.seconds(2)
    }

    private let verifier: AccessTokenVerifier
    private let logger: Logger
    /// Seconds since 1970: what tokens are compared with.
    private let now: @Sendable () -> Int64
    /// Seconds since any moment: how old the keys are. Nobody can set it back, so they age whatever the date says.
    private let uptime: @Sendable () -> Int64
    private var keys: [String: VerificationKey] = [:]
    private var fetchedAt: Int64?
    private var triedAt: Int64?
    private var fetch: Task<Void, Never>?

    init(
        verifier: AccessTokenVerifier, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) },
        uptime: @escaping @Sendable () -> Int64 = { [start = ContinuousClock.now] in
            (ContinuousClock.now - start).components.seconds
        }
    ) {
        self.verifier = verifier
        self.logger = logger
        self.now = now
        self.uptime = uptime
    }

    /// Only the keys are the actor's; the signature is checked on the caller's own thread.
    nonisolated func validate(_ token: String) async throws(AccessTokenError) -> AccessTokenClaims {
        let keys = try await keys(for: SignedToken.keyID(of: token))
        return try verifier.verify(token, with: keys, at: now())
    }

    private func keys(for id: String?) async throws(AccessTokenError) -> [String: VerificationKey] {
        let age = fetchedAt.map { uptime() - $0 }
        let isKnown = id.map { keys[$0] != nil } ?? true
        if age.map({ $0 >= Limit.cache }) ?? true || !isKnown { await refresh() }
        guard let fetchedAt, uptime() - fetchedAt < Limit.cache + Limit.grace else { throw .keysUnavailable }
        return keys
    }

    private func refresh() async {
        if let fetch {
            await fetch.value  // somebody else is asking already
            return
        }
        if let triedAt, uptime() - triedAt < Limit.coolDown { return }
        triedAt = uptime()
        // What was fetched is in place before anybody who waits goes on.
        let task = Task {
            do {
                keys = try await Self.fetchKeys(of: verifier.issuer)
                fetchedAt = uptime()
            } catch {
                logger.warning(
                    "The issuer's keys could not be fetched",
                    metadata: ["issuer": "\(verifier.issuer)", "error": "\(error)"])
            }
            fetch = nil
        }
        fetch = task
        await task.value
    }

    private static func fetchKeys(of issuer: String) async throws -> [String: VerificationKey] {
        let metadata = try await get(ServerMetadata.self, from: metadataURL(of: issuer))
        // RFC 8414 §3.3: identical, code point by code point.
        guard metadata.issuer.utf8.elementsEqual(issuer.utf8) else { throw PublishedKeysError.otherIssuer }
        guard metadata.jwksURI.hasPrefix("https://") || issuer.hasPrefix("http://") else {
            throw PublishedKeysError.insecureKeys
        }
        let set = try await get(JSONWebKeySet.self, from: metadata.jwksURI)
        return Dictionary(set.keys.compactMap(VerificationKey.init).map { ($0.id, $0) }) { first, _ in first }
    }

    /// RFC 8414 §3.1: the well-known part goes between host and path.
    static func metadataURL(of issuer: String) -> String {
        let parts = issuer.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)  // https: "" host path
        let path = parts.count > 3 && !parts[3].isEmpty ? "/" + parts[3] : ""
        return parts.prefix(3).joined(separator: "/") + PawlPath.metadata + path
    }

    /// Head and body within one time limit: an issuer that stalls must not stall us. A redirect is not followed.
    private static func get<Body: Decodable & Sendable>(_ type: Body.Type, from url: String) async throws -> Body {
        try await withThrowingTaskGroup(of: Body.self) { group in
            group.addTask {
                let response = try await client.execute(HTTPClientRequest(url: url), timeout: Limit.time)
                guard response.status.code == 200 else { throw PublishedKeysError.status(Int(response.status.code)) }
                let body = try await response.body.collect(upTo: Limit.answerSize)
                return try JSONDecoder().decode(type, from: Data([UInt8](buffer: body)))
            }
            group.addTask {
                try await Task.sleep(for: .nanoseconds(Limit.time.nanoseconds))
                throw PublishedKeysError.timeout
            }
            defer { group.cancelAll() }
            guard let body = try await group.next() else { throw PublishedKeysError.timeout }
            return body
        }
    }

    /// One for the process, like `HTTPClient.shared`, which follows redirects.
    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
}

enum PublishedKeysError: Error {
    case otherIssuer
    case insecureKeys
    case status(Int)
    case timeout
}
