import Crypto
import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Refresh token")
struct RefreshTokenTests {
    private let secrets: MasterSecrets
    private let token: RefreshToken
    private let text: String

    init() throws {
        secrets = try Server.secrets(1)
        token = RefreshToken(
            keyID: secrets.newest.id, sessionID: try SessionID(bytes: Array(0x10...0x1F)).orThrow(),
            generation: 0x0102_0304, issuedAt: UnixTime(seconds: 0x05_0607_0809), secret: Secret(0x20...0x3F))
        text = try token.text(with: secrets).orThrow()
    }

    @Test func `a refresh token is prt_ and 100 characters, its parts where the format says`() throws {
        #expect(text.utf8.count == 104 && text.hasPrefix("prt_"))
        let bytes = try Base64URL.decode(text.utf8.dropFirst(4)).orThrow()
        #expect(bytes.count == 75)
        #expect(bytes[0] == 1)
        #expect(bytes[1] == secrets.newest.id)
        #expect(bytes[2..<18] == Array(0x10...0x1F)[...])
        #expect(bytes[18..<22] == [1, 2, 3, 4])
        #expect(bytes[22..<27] == [5, 6, 7, 8, 9])
        #expect(bytes[27..<59] == Array(0x20...0x3F)[...])
        let tag = HMAC<SHA256>.authenticationCode(for: bytes[..<59], using: secrets.newest.refreshTagKey)
        #expect(bytes[59...] == Array(tag)[..<16])
    }

    @Test func `a refresh token comes back as it was`() {
        #expect(RefreshToken(authenticating: text, with: secrets) == token)
    }

    @Test(.tags(.p3))
    func `a refresh token is stored as the hash of its secret`() {
        #expect(token.hash == Array(SHA256.hash(data: Array(UInt8(0x20)...0x3F))))
    }

    @Test(.tags(.p6, .p12))
    func `a refresh token with any character changed is refused`() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_= ~é"
        let characters = Array(text)
        for place in characters.indices {
            for other in alphabet where other != characters[place] {
                var changed = characters
                changed[place] = other
                #expect(RefreshToken(authenticating: String(changed), with: secrets) == nil)
            }
        }
    }

    @Test(.tags(.p12), arguments: ["", "prt_", " ", "\n", "=", "A"])
    func `a refresh token of another length is refused`(extra: String) {
        #expect(RefreshToken(authenticating: text + (extra.isEmpty ? "A" : extra), with: secrets) == nil)
        #expect(RefreshToken(authenticating: extra + text.dropFirst(), with: secrets) == nil)
        #expect(RefreshToken(authenticating: extra, with: secrets) == nil)
    }

    @Test(.tags(.p12)) func `a refresh token with a tag over another version is refused`() throws {
        var bytes = try Base64URL.decode(text.utf8.dropFirst(4)).orThrow()
        bytes[0] = 2
        let tag = HMAC<SHA256>.authenticationCode(for: bytes[..<59], using: secrets.newest.refreshTagKey)
        let forged = "prt_" + Base64URL.encode(bytes[..<59] + Array(tag)[..<16])
        #expect(forged.utf8.count == 104)
        #expect(RefreshToken(authenticating: forged, with: secrets) == nil)
    }

    @Test func `a refresh token is known while its master secret is configured, and no longer`() throws {
        #expect(RefreshToken(authenticating: text, with: try Server.secrets(2, 1)) == token)
        #expect(RefreshToken(authenticating: text, with: try Server.secrets(2)) == nil)
        #expect(token.text(with: try Server.secrets(2)) == nil)
    }

    @Test func `a refresh token has a successor of the next generation by the newest secret`() throws {
        let newer = try Server.secrets(2, 1)
        let next = token.successor(
            at: UnixTime(seconds: 1000), secrets: newer, randomness: SeededRandomness(seed: 3).randomness)
        #expect(next.sessionID == token.sessionID && next.generation == token.generation + 1)
        #expect(next.keyID == newer.newest.id && next.issuedAt.seconds == 1000 && next.secret != token.secret)
    }

    @Test(.tags(.p3)) func `a refresh token does not print its secret`() {
        for print in [
            "\(token)", String(reflecting: token),
            "\(String(describing: Mirror(reflecting: token).children.map(\.value)))",
        ] {
            #expect(!print.contains("32, 33, 34"), "the secret begins with these bytes")
        }
    }
}

@Suite("Successor's seal", .tags(.p3, .p5))
struct SuccessorSealTests {
    private let secrets: MasterSecrets
    private let predecessor: RefreshToken
    private let successor: RefreshToken
    private let seal: [UInt8]

    init() throws {
        secrets = try Server.secrets(1)
        predecessor = RefreshToken(
            keyID: secrets.newest.id, sessionID: try SessionID(bytes: Sample.bytes(4, count: 16)).orThrow(),
            generation: 9, issuedAt: Sample.start, secret: Secret(Sample.bytes(5)))
        let randomness = SeededRandomness().randomness
        successor = predecessor.successor(at: Sample.start + 60, secrets: secrets, randomness: randomness)
        seal = try SuccessorSeal.seal(
            successor, under: predecessor, TokenKeys(of: predecessor), randomness: randomness)
    }

    @Test func `a successor's seal opens for the predecessor's holder`() {
        #expect(seal.count == 66)
        #expect(SuccessorSeal.open(seal, with: predecessor) == successor)
    }

    @Test func `a successor's seal is made as the format says, so that other versions open it too`() throws {
        let generation: [UInt8] = [0, 0, 0, 9]
        let key = HKDF<SHA256>.expand(
            pseudoRandomKey: Sample.bytes(5),
            info: [UInt8]("pawl/v1/successor".utf8) + predecessor.sessionID.bytes + generation, outputByteCount: 32)
        let content = [UInt8](
            try AES.GCM.open(
                .init(combined: seal), using: key,
                authenticating: [1] + predecessor.sessionID.bytes + [0, 0, 0, 10]))
        #expect(content[0] == successor.keyID)
        #expect(integer(bigEndian: content[1..<6]) == UInt64(Sample.start.seconds + 60))
        #expect(Array(content[6...]) == successor.secret.exposed)
    }

    @Test func `a successor's seal opens for nobody else`() throws {
        let session = try SessionID(bytes: Sample.bytes(6, count: 16)).orThrow()
        func token(_ sessionID: SessionID, _ generation: UInt32, _ secret: Secret) -> RefreshToken {
            RefreshToken(
                keyID: predecessor.keyID, sessionID: sessionID, generation: generation, issuedAt: Sample.start,
                secret: secret)
        }
        #expect(SuccessorSeal.open(seal, with: successor) == nil)
        #expect(SuccessorSeal.open(seal, with: token(predecessor.sessionID, 9, Secret(Sample.bytes(7)))) == nil)
        #expect(SuccessorSeal.open(seal, with: token(predecessor.sessionID, 8, predecessor.secret)) == nil)
        #expect(SuccessorSeal.open(seal, with: token(session, 9, predecessor.secret)) == nil)
    }

    @Test func `a successor's seal with any bit changed opens for nobody`() {
        for place in seal.indices {
            var changed = seal
            changed[place] ^= 1
            #expect(SuccessorSeal.open(changed, with: predecessor) == nil)
        }
        #expect(SuccessorSeal.open([], with: predecessor) == nil)
        #expect(SuccessorSeal.open(Array(seal.dropLast()), with: predecessor) == nil)
    }
}
