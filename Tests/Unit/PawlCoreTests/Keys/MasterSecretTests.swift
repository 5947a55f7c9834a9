import Crypto
import Foundation
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Master secrets")
struct MasterSecretTests {
    private static func base64(_ number: UInt64) -> String { Data(Sample.bytes(number)).base64EncodedString() }

    @Test(.tags(.p3)) func `master secrets derive a different key for each purpose`() throws {
        let secret = try MasterSecret(Secret(Sample.bytes(1))).orThrow()
        let keys = [
            secret.refreshTagKey, secret.signingKeyKey, secret.passwordKey, secret.operationsKey, secret.throttleKey,
            secret.operationsBodyKey, secret.operationsAnswerKey,
        ]
        let bytes = keys.map { key in unsafe key.withUnsafeBytes { unsafe [UInt8]($0) } }
        #expect(Set(bytes).count == 7)
        #expect(bytes.allSatisfy { $0.count == 32 && $0 != Sample.bytes(1) })
        #expect(Set(MasterSecret.Purpose.allCases.map(\.rawValue)).count == 8)
        #expect(MasterSecret.Purpose.allCases.allSatisfy { $0.rawValue.hasPrefix("pawl/v1/") })
    }

    @Test func `master secrets derive the same keys every time`() throws {
        // HKDF-SHA256 of 32 zero bytes, computed independently (RFC 5869, no salt, info pawl/v1/key-id).
        let extracted = HMAC<SHA256>.authenticationCode(
            for: [UInt8](repeating: 0, count: 32), using: SymmetricKey(data: [UInt8](repeating: 0, count: 32)))
        let expanded = HMAC<SHA256>.authenticationCode(
            for: [UInt8]("pawl/v1/key-id".utf8) + [1], using: SymmetricKey(data: Data(extracted)))
        #expect(try MasterSecret(Secret([UInt8](repeating: 0, count: 32))).orThrow().id == Array(expanded)[0])
    }

    @Test(.tags(.p12), arguments: [0, 16, 31, 33, 64])
    func `master secrets have 32 bytes`(count: Int) {
        #expect(MasterSecret(Secret(Sample.bytes(1, count: count))) == nil)
    }

    @Test func `master secrets are found by their id, the first being the newest`() throws {
        let secrets = try Server.secrets(1, 2, 3)
        let first = try MasterSecret(Secret(Sample.bytes(1))).orThrow()
        let third = try MasterSecret(Secret(Sample.bytes(3))).orThrow()
        #expect(secrets.newest.id == first.id)
        #expect(secrets[third.id]?.refreshTagKey == third.refreshTagKey)
        let unknown = (0...UInt8.max).first { id in secrets[id] == nil }
        #expect(unknown != nil)
    }

    @Test(.tags(.p12))
    func `master secrets refuse to start with none, with two of one id, or with a distrusted one in front`() throws {
        #expect(throws: MasterSecretError.none) { try MasterSecrets(newestFirst: []) }
        #expect(throws: MasterSecretError.sameKeyID) { try Server.secrets(1, 1) }
        #expect(throws: MasterSecretError.newestDistrusted) { try Server.secrets(1, 2, distrusted: [1]) }
        // Two different secrets may share an id too: one in 256 pairs does.
        let one = try MasterSecret(Secret(Sample.bytes(1))).orThrow()
        let twin = try
            ((2...10_000).lazy.compactMap { MasterSecret(Secret(Sample.bytes($0))) }.first { $0.id == one.id })
            .orThrow()
        #expect(throws: MasterSecretError.sameKeyID) { try MasterSecrets(newestFirst: [one, twin]) }
    }

    @Test(arguments: [", ", "\n", ",", " \n, "])
    func `master secrets are read newest first, however they are separated`(separator: String) throws {
        let parsed = try MasterSecrets(parsing: Self.base64(1) + separator + "!" + Self.base64(2) + "\n")
        let (one, two) = (try Server.secrets(1).newest, try Server.secrets(2).newest)
        #expect(parsed.newest.id == one.id && !parsed.newest.isDistrusted)
        #expect(parsed[two.id]?.isDistrusted == true)
    }

    @Test func `master secrets are read in any spelling of base64`() throws {
        let standard = Self.base64(4)
        let urlSafe = standard.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        #expect(try MasterSecrets(parsing: urlSafe).newest.id == MasterSecrets(parsing: standard).newest.id)
    }

    @Test(
        .tags(.p3, .p12),
        arguments: ["hunter2hunter2hunter2hunter2hunter2", "aHVudGVyMg==", "hunter2!", "{\"hunter2\": 1}"])
    func `master secrets that cannot be read are named by their place, never by their text`(text: String) throws {
        let error = try #require(throws: MasterSecretError.self) {
            try MasterSecrets(parsing: Self.base64(1) + "," + text.replacing(" ", with: ""))
        }
        #expect(error == .malformed(place: 2))
        #expect(!error.description.contains("hunter2") && !error.description.contains(Self.base64(1)))
        #expect(throws: MasterSecretError.none) { try MasterSecrets(parsing: " , \n") }
    }
}
