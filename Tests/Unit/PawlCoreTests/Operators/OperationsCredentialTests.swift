import PawlJOSE
import PawlTesting
import Testing

@testable import PawlCore

private let start = UnixTime(seconds: 1_800_000_000)

@Suite("Operations credential", .tags(.p12))
struct OperationsCredentialTests {
    private let subject = OperationsCredential.Subject(method: "POST", path: "/admin/users", body: Array("{}".utf8))
    private let secrets: MasterSecrets

    init() throws { secrets = try Server.secrets(1) }

    private func isValid(_ header: String, at now: UnixTime = start) -> Bool {
        OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: now) != nil
    }

    @Test(arguments: [(-61, false), (-60, true), (0, true), (60, true), (61, false)] as [(Int64, Bool)])
    func `an operator's credential is good for a minute`(age: Int64, isGood: Bool) {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        #expect(isValid(header, at: start + age) == isGood)
    }

    @Test func `an operator's credential is good for its request alone`() {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        for (method, path, body) in [
            ("GET", "/admin/users", "{}"), ("POST", "/admin/user", "{}"), ("POST", "/admin/users", ""),
        ] {
            let other = OperationsCredential.Subject(method: method, path: path, body: Array(body.utf8))
            #expect(OperationsCredential.signer(of: header, for: other, secrets: secrets, at: start) == nil)
        }
    }

    @Test func `an operator's credential is good under any trusted secret, and under no other`() throws {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        func isValid(_ secrets: MasterSecrets) -> Bool {
            OperationsCredential.signer(of: header, for: subject, secrets: secrets, at: start) != nil
        }
        #expect(isValid(try Server.secrets(2, 1)))
        #expect(!isValid(try Server.secrets(2, 1, distrusted: [1])))
        #expect(!isValid(try Server.secrets(2)))
    }

    @Test(
        arguments: [
            "", "Pawl-Operations", "Pawl-Operations ", "Pawl-Operations .", "Pawl-Operations 1800000000.",
            "Pawl-Operations 1800000000.AAAA", "Pawl-Operations -9223372036854775808.AAAA",
            "Pawl-Operations 9223372036854775807.AAAA", "Bearer 1800000000.AAAA", "Pawl-Operations 1800000000.AA.AA",
            "Pawl-Operations 99999999999999999999.AAAA",
        ])
    func `a garbled credential of an operator is refused`(header: String) { #expect(!isValid(header)) }

    // FAULTS D3
    @Test(.tags(.p3))
    func `an operator's credential comes with a body that holders of the secret alone can read, for its request alone`()
        throws
    {
        let sealed = try subject.sealed(by: secrets)
        #expect(!sealed.body.indices.contains { sealed.body[$0...].starts(with: subject.body) })
        #expect(sealed.openedBody(by: secrets.newest) == subject.body)
        #expect(sealed.openedBody(by: try Server.secrets(2).newest) == nil)
        #expect(try subject.sealed(by: secrets).body != sealed.body, "a nonce each")
        for (method, path) in [("PATCH", "/admin/users"), ("POST", "/admin/users/ana")] {
            let other = OperationsCredential.Subject(method: method, path: path, body: sealed.body)
            #expect(other.openedBody(by: secrets.newest) == nil)
        }
        for length in [0, 1, 12, 27, sealed.body.count - 1] {
            let cut = OperationsCredential.Subject(
                method: "POST", path: "/admin/users", body: Array(sealed.body.prefix(length)))
            #expect(cut.openedBody(by: secrets.newest) == nil)
        }
        let empty = OperationsCredential.Subject(method: "GET", path: "/admin/users", body: [])
        #expect(try empty.sealed(by: secrets).body.isEmpty)
    }

    // FAULTS D3
    @Test func `an operator's credential is answered with a proof for this request and this answer alone`() throws {
        let header = OperationsCredential.header(for: subject, secrets: secrets, at: start)
        let body = Array("[]".utf8)
        let proof = OperationsCredential.proof(status: 200, body: body, to: header, by: secrets.newest)
        func isProof(
            _ proof: String, _ status: Int = 200, _ body: [UInt8] = Array("[]".utf8), to header: String,
            _ secrets: MasterSecrets
        ) -> Bool {
            OperationsCredential.isProof(proof, status: status, body: body, to: header, secrets: secrets)
        }
        #expect(isProof(proof, to: header, secrets))
        #expect(!isProof(proof, 201, to: header, secrets))
        #expect(!isProof(proof, 200, Array("{}".utf8), to: header, secrets))
        #expect(!isProof(proof, to: header + "x", secrets))
        #expect(!isProof(proof, to: header, try Server.secrets(2)))
        let code = String(header.split(separator: ".").last ?? "")
        for garbled in ["", "proof=", "proof=AAAA", proof + "A", "proof=\(code)"] {
            #expect(!isProof(garbled, to: header, secrets), "\(garbled)")
        }
    }
}
