import Crypto
import Foundation
import NIOHTTP1
import PawlAPI
import PawlJOSE
import PawlTesting

@testable import PawlCore

/// Access tokens of an attacker's choice, truly signed by the very key that the server trusts: so that it is the rule at
/// hand that refuses them, and not the signature.
struct Forge: Sendable {
    static let kid = "forge"
    let key = P256.Signing.PrivateKey()
    let secrets: MasterSecrets

    init() throws { secrets = try LiveServer.freshSecrets() }

    /// Makes the server sign with this key.
    func prepare(_ options: inout LiveServer.Options) throws {
        let store = MemoryStore()
        options.secrets = secrets
        options.store = store
        let key = try SigningKey(id: Self.kid, algorithm: .es256, rawRepresentation: [UInt8](key.rawRepresentation))
        let now = options.clock.now
        _ = try store.addSigningKey(
            SealedSigningKey(key, secrets: secrets, createdAt: now, activatesAt: now), ifKeysAre: [],
            Event(.keyCreated, at: now))
    }

    /// What the server put into `token`, with members replaced by raw JSON; nil leaves one out.
    func token(
        like token: String, header: [String: String?] = [:], payload: [String: String?] = [:], end: String = "",
        signature: ((String) throws -> [UInt8])? = nil
    ) throws -> String {
        let parts = token.split(separator: ".")
        return try compactJWS(
            header: Self.change(parts[0], header),
            payload: Self.change(parts[1], payload).dropLast() + Array("\(end)}".utf8),
            signature: signature ?? { [UInt8](try key.signature(for: Data($0.utf8)).rawRepresentation) })
    }

    private static func change(_ part: Substring, _ changes: [String: String?]) throws -> [UInt8] {
        let object = try JSONSerialization.jsonObject(with: Data(Base64URL.decode(part.utf8) ?? []))
        var members: [String: String] = [:]
        for (name, value) in object as? [String: Any] ?? [:] {
            let text = try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed)
            members[name] = String(decoding: text, as: UTF8.self)
        }
        for (name, value) in changes { members[name] = value }
        return Array("{\(members.map { "\"\($0.key)\":\($0.value)" }.sorted().joined(separator: ","))}".utf8)
    }
}
