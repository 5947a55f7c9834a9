import PawlAPI
import PawlCore

extension Diagnosis {
    func signingKeys() async throws -> Finding {
        let keys = try await store.signingKeys()
        let closed = keys.filter { $0.open(with: secrets) == nil }
        guard closed.isEmpty else {
            return Finding(
                "signing keys", .problem,
                """
                \(closed.count) of \(keys.count) open with none of the configured master secrets (sealed by \
                \(names(closed.compactMap(\.seal.first)))).
                """,
                advice: """
                    Put the missing master secret back, last. If it is gone for good, retire these keys: \
                    \(closed.map(\.id).joined(separator: ", ")).
                    """)
        }
        guard keys.contains(where: { $0.activatesAt <= clock.now }) else {
            return isServing || !keys.isEmpty
                ? Finding(
                    "signing keys", .problem, "There are \(keys.count), and none may sign yet.",
                    advice: "Look at the clock. If it is right, make one that signs: pawl key retire KEY")
                : Finding("signing keys", .ok, "None yet: the server makes one when it starts.")
        }
        return Finding("signing keys", .ok, "There are \(keys.count). All open, and one signs.")
    }

    /// What still needs which secret, so that an operator knows when an old one can go.
    func masterSecrets() async throws -> [Finding] {
        let now = clock.now
        let passwords = try await store.passwordSeals()
        let keys = try await store.signingKeys().compactMap(\.seal.first)
        let history = MasterSecretHistory(try await store.masterSecretChanges(limit: 1000))

        var findings: [Finding] = []
        for secret in secrets.all {
            let sealed = "signing keys: \(keys.count { $0 == secret.id }), passwords: \(passwords[secret.id] ?? 0)"
            if secret.id == secrets.newest.id {
                findings.append(
                    Finding("master secret \(names([secret.id]))", .ok, "The newest. What it seals: \(sealed)."))
                continue
            }
            // A token lives for two idle times at most, and no longer than its session.
            let tokenLife = min(2 * configuration.lifetimes.idle, configuration.lifetimes.absolute)
            let spans = history.spans(of: secret.id)
            var sessions = 0
            for span in spans { sessions += try await store.countLiveSessions(turnedIn: span, at: now) }
            let tokensUntil = spans.map { $0.upperBound + tokenLife }.max()
            let needed = passwords[secret.id] != nil || keys.contains(secret.id) || (tokensUntil ?? now) > now
            findings.append(older(secret, sealed, sessions, until: tokensUntil, isNeeded: needed, at: now))
        }

        let missing = passwords.filter { secrets[$0.key] == nil }
        if !missing.isEmpty {
            findings.append(
                Finding(
                    "passwords", .problem,
                    """
                    \(missing.values.reduce(0, +)) are sealed by a master secret that is not configured \
                    (\(names(missing.keys))): their users cannot sign in.
                    """,
                    advice: "Put it back, last. If it is gone for good, set new passwords: pawl user set-password"))
        }
        return findings
    }

    private func older(
        _ secret: MasterSecret, _ sealed: String, _ sessions: Int, until tokensUntil: UnixTime?, isNeeded: Bool,
        at now: UnixTime
    ) -> Finding {
        let name = "master secret \(names([secret.id]))"
        let trust = secret.isDistrusted ? "Distrusted" : "An older one"
        guard let tokensUntil else {
            return Finding(
                name, .ok, "\(trust). What it seals: \(sealed). It was never the newest here.",
                advice: isNeeded ? nil : "It has never been used. Put it first to make it the newest, or remove it.")
        }
        let what = "\(trust). What it seals: \(sealed). Live sessions last turned with it: \(sessions)"
        guard isNeeded else {
            return Finding(name, .ok, what + "; its tokens are over.", advice: "Nothing needs it: take it out.")
        }
        let tokens = tokensUntil > now ? "; its tokens are good until \(tokensUntil.rfc3339)." : "."
        return Finding(
            name, secret.isDistrusted ? .warning : .ok, what + tokens,
            advice: """
                Keep it until its tokens are over. Passwords are sealed anew when their users sign in; the rest needs \
                new ones once it is gone.
                """)
    }

    private func names(_ ids: some Sequence<UInt8>) -> String {
        Set(ids).sorted().map { Hex.encode([$0]) }.joined(separator: ", ")
    }
}
