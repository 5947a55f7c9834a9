package import Foundation
package import PawlCore
import PawlJOSE
import Testing

/// A store in use, and all that must not be found in what it wrote (P3).
package enum BusyRun {
    package static let password = "correct horse battery staple"

    package struct Kept: Sendable {
        package let name: String
        package let bytes: Data
    }

    /// Signs in, refreshes, steps up, fails, steals and signs out; returns all that must stay secret.
    package static func run(on store: any Store, _ logs: LogCapture) async throws -> [Kept] {
        let (clock, hasher, master) = (ManualClock(), InstantHasher(), Sample.bytes(1))
        let secrets = try MasterSecrets(newestFirst: [try MasterSecret(Secret(master)).orThrow()])
        let engine = try await Engine.sample(on: store, secrets: secrets, clock: clock, logs: logs)
        try await engine.prepare()
        let (accounts, sessions) = (engine.accounts, engine.sessions)
        let origin = Origin(address: "192.0.2.7", userAgent: "Owner/1")
        var kept: [Kept] = [Kept(name: "master secret", bytes: Data(master))]
        func keep(_ name: String, _ text: String) { kept.append(Kept(name: name, bytes: Data(text.utf8))) }
        func keep(_ grant: TokenGrant) throws -> TokenGrant {
            keep("access token", grant.accessToken)
            keep("refresh token", grant.refreshToken)
            let token = try RefreshToken(authenticating: grant.refreshToken, with: secrets).orThrow()
            kept.append(Kept(name: "refresh token's secret", bytes: Data(token.secret.exposed)))
            return grant
        }
        let password = try Password(Self.password).orThrow()
        let credentials = Credentials(
            identifier: try Identifier("ana@example.com").orThrow(), password: password, device: "laptop")
        let first = try keep(try await accounts.register(credentials, origin: origin, delivery: .body))
        var grant = first
        for number in 1...20 {
            let name = "an-attempt-by-the-name-\(number)"
            keep("attempt", name)
            grant = try keep(
                try await sessions.refresh(
                    PresentedToken(
                        refreshToken: grant.refreshToken, delivery: .body, attempt: AttemptName(name), origin: origin)))
        }
        let wrong = Credentials(
            identifier: credentials.identifier, password: try Password("not the right password").orThrow(), device: "")
        keep("wrong password", "not the right password")
        await #expect(throws: SessionError.self) { try await accounts.login(wrong, origin: origin, delivery: .body) }
        let mistyped = Credentials(identifier: try Identifier(Self.password).orThrow(), password: password, device: "")
        await #expect(throws: SessionError.self) { try await accounts.login(mistyped, origin: origin, delivery: .body) }
        let request = PresentedToken(
            refreshToken: grant.refreshToken, delivery: .body, attempt: AttemptName("an-attempt-to-change-it"),
            origin: origin)
        keep("new password", "seven wet mice under a hat")
        _ = try keep(
            try await accounts.changePassword(
                request, current: password, new: try Password("seven wet mice under a hat").orThrow()))
        clock.advance(by: 3600)
        await #expect(throws: SessionError.sessionEnded(.reused)) {
            try await sessions.refresh(
                PresentedToken(refreshToken: first.refreshToken, delivery: .body, attempt: nil, origin: origin))
        }
        keep("password", Self.password)
        keep("password's hash", try await hasher.hash(password))
        for key in try await store.signingKeys() {
            kept.append(Kept(name: "signing key", bytes: Data(try key.open(with: secrets).orThrow().rawRepresentation)))
        }
        return kept
    }

    /// Raw, hexadecimal in both cases, base64 and base64url, the latter without their last characters, which depend on
    /// what follows.
    package static func spellings(of bytes: Data) -> [Data] {
        let hex = bytes.map { String(format: "%02x", $0) }.joined()
        let base64 = bytes.base64EncodedString().replacing("=", with: "").dropLast(2)
        let urlSafe = base64.replacing("+", with: "-").replacing("/", with: "_")
        return [bytes] + [hex, hex.uppercased(), String(base64), String(urlSafe)].map { Data($0.utf8) }
    }
}
