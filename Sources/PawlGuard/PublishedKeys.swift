import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlJWT

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The issuer's keys as it publishes them (RFC 8414, RFC 7517): fetched when first needed and cached, again when they
/// are old or a token names one that is not there, by one request at a time and not too often.
actor PublishedKeys: AccessTokenValidator {
    /// Seconds.
    private enum Limit {
        /// As published by the server: how long a key that was retired in an emergency may still be believed.
        static let cache: Int64 = 300
        /// Between two fetches: a stream of unknown key ids causes no stream of requests.
        static let coolDown: Int64 = 10
        /// How much longer old keys serve while the issuer does not answer.
        static let grace: Int64 = 900
        static let answerSize = 64 * 1024
    }

    private let verifier: AccessTokenVerifier
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private var keys: [String: VerificationKey] = [:]
    private var fetchedAt: Int64?
    private var triedAt: Int64?
    private var fetch: Task<[String: VerificationKey], any Error>?

    init(
        verifier: AccessTokenVerifier, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    ) {
        self.verifier = verifier
        self.logger = logger
        self.now = now
    }

    /// Only the keys are the actor's; the signature is checked on the caller's own thread.
    nonisolated func validate(_ token: String) async throws(AccessTokenError) -> AccessTokenClaims {
        let keys = try await keys(for: AccessTokenVerifier.keyID(of: token))
        return try verifier.verify(token, with: keys, at: now())
    }

    private func keys(for id: String?) async throws(AccessTokenError) -> [String: VerificationKey] {
        let isFresh = fetchedAt.map { now() - $0 < Limit.cache } ?? false
        let isKnown = id.map { keys[$0] != nil } ?? true
        if !isFresh || !isKnown { await refresh() }
        guard let fetchedAt, now() - fetchedAt < Limit.cache + Limit.grace else { throw .keysUnavailable }
        return keys
    }

    private func refresh() async {
        if let fetch {
            _ = await fetch.result  // somebody else is asking already
            return
        }
        if let triedAt, now() - triedAt < Limit.coolDown { return }
        triedAt = now()
        let issuer = verifier.issuer
        let task = Task { try await Self.fetchKeys(of: issuer) }
        fetch = task
        switch await task.result {
        case .success(let fresh):
            keys = fresh
            fetchedAt = now()
        case .failure(let error):
            logger.warning(
                "The issuer's keys could not be fetched", metadata: ["issuer": "\(issuer)", "error": "\(error)"])
        }
        fetch = nil
    }

    private static func fetchKeys(of issuer: String) async throws -> [String: VerificationKey] {
        let metadata = try await get(ServerMetadata.self, from: metadataURL(of: issuer))
        // RFC 8414 §3.3: identical, code point by code point.
        guard metadata.issuer == issuer else { throw PublishedKeysError.otherIssuer }
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

    private static func get<Body: Decodable>(_ type: Body.Type, from url: String) async throws -> Body {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
        guard response.status.code == 200 else { throw PublishedKeysError.status(Int(response.status.code)) }
        return try JSONDecoder().decode(
            type, from: Data([UInt8](buffer: try await response.body.collect(upTo: Limit.answerSize))))
    }
}

enum PublishedKeysError: Error {
    case otherIssuer
    case insecureKeys
    case status(Int)
}
