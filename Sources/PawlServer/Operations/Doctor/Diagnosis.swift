package import PawlAPI
package import PawlCore

/// Looks for what is wrong, and says what to do about it. Reads alone.
package struct Diagnosis: Sendable {
    let store: any Store
    let secrets: MasterSecrets
    let configuration: PawlConfiguration
    let passwords: any PasswordHasher
    let clock: WallClock
    /// Whether this process serves: only then its own limits and environment matter.
    let isServing: Bool
    /// How long to look for damage.
    let patience: Duration

    package init(
        store: any Store, secrets: MasterSecrets, configuration: PawlConfiguration,
        passwords: any PasswordHasher, clock: WallClock = .system, isServing: Bool, patience: Duration
    ) {
        self.store = store
        self.secrets = secrets
        self.configuration = configuration
        self.passwords = passwords
        self.clock = clock
        self.isServing = isServing
        self.patience = patience
    }

    package func findings() async -> [Finding] {
        var findings = Self.settings(configuration, passwords: passwords)
        do {
            let status = try await store.status()
            findings += [database(status), migrations(status)]
            if let path = status.path, let disk = disk(path, needs: status.bytes + status.journalBytes) {
                findings.append(disk)
            }
            findings.append(try await integrity())
            // The rest reads tables as this version knows them.
            if status.migrations.allSatisfy({ $0.appliedAt != nil }) {
                let recovery = try await store.dataLossRecord()
                findings.append(
                    clock(newest: [status.newestTime, recovery.heartbeat].compactMap { $0 }.max(), recovery))
                findings.append(lostWrites(recovery.incidents(at: clock.now)))
                findings.append(identifiers(try await store.oldIdentifiers()))
                findings.append(await statements())
                findings.append(try await signingKeys())
                findings += try await masterSecrets()
            }
        } catch {
            findings.append(
                Finding(
                    "database", .problem, "It cannot be read: \(error).",
                    advice: "Look at the disk and the log. If the file is damaged, restore the newest backup."))
        }
        if isServing { findings += [await readiness(), openFiles(), crashReports()] }
        return findings
    }

    /// Whether requests are answered now, as `/readyz` says.
    private func readiness() async -> Finding {
        do {
            try await store.ping()
            return Finding("readiness", .ok, "The database answers, and takes writes.")
        } catch {
            return Finding(
                "readiness", .problem, "Requests are answered by 503. \(error)",
                advice: "Look at the log of the server.")
        }
    }

    /// What is to be said of the settings alone; a server logs what is wrong with them when it starts.
    package static func settings(_ configuration: PawlConfiguration, passwords: any PasswordHasher) -> [Finding] {
        [publicURL(configuration.publicURL), trustedProxies(configuration.trustedProxies), hashing(passwords)]
    }

    private static func trustedProxies(_ proxies: [IPNetwork]) -> Finding {
        let wide = proxies.filter(\.isVeryWide).map(\.cidr)
        guard wide.isEmpty else {
            return Finding(
                "trusted proxies", .warning,
                "Almost anybody may say which address a request comes from: \(wide.joined(separator: ", ")) is very wide.",
                advice: "Name only your proxies' own addresses in --trusted-proxies: throttling goes by what they say.")
        }
        return Finding("trusted proxies", .ok, proxies.isEmpty ? "None." : proxies.map(\.cidr).joined(separator: ", "))
    }

    private static func hashing(_ passwords: any PasswordHasher) -> Finding {
        guard let weakness = passwords.weakness else {
            return Finding("password hashing", .ok, "It costs what OWASP recommends, or more.")
        }
        return Finding(
            "password hashing", .warning, weakness,
            advice: """
                Raise --password-memory and --password-passes: 19456 and 2 (the defaults), 47104 and 1, 12288 and 3, \
                9216 and 4, or 7168 and 5. Each password is hashed anew when its user signs in.
                """)
    }

    private static func publicURL(_ url: String) -> Finding {
        let isLocal = ["http://localhost", "http://127.0.0.1", "http://[::1]"].contains { local in
            url == local || url.hasPrefix(local + ":")
        }
        guard url.hasPrefix("https://") || isLocal else {
            return Finding(
                "public URL", .problem, "\(url) is not https: passwords and tokens can be read on the way.",
                advice: "Put a proxy that ends TLS in front, and set --public-url to its https URL.")
        }
        return Finding("public URL", .ok, url)
    }
}
