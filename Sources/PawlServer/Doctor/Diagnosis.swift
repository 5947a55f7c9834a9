package import PawlAPI
package import PawlCore

/// Looks for what is wrong, and says what to do about it. Reads alone.
package struct Diagnosis: Sendable {
    let store: any PawlStore
    let secrets: MasterSecrets
    let configuration: PawlConfiguration
    let clock: Clock
    /// Whether this process serves: only then its own limits and environment matter.
    let isServing: Bool
    /// How long to look for damage.
    let patience: Duration

    package init(
        store: any PawlStore, secrets: MasterSecrets, configuration: PawlConfiguration, clock: Clock = .system,
        isServing: Bool, patience: Duration
    ) {
        self.store = store
        self.secrets = secrets
        self.configuration = configuration
        self.clock = clock
        self.isServing = isServing
        self.patience = patience
    }

    package func findings() async -> [Finding] {
        var findings = [publicURL()]
        do {
            let status = try await store.status()
            findings += [database(status), migrations(status)]
            if let path = status.path, let disk = disk(path, needs: status.bytes + status.journalBytes) {
                findings.append(disk)
            }
            findings.append(try await integrity())
            // The rest reads tables as this version knows them.
            if status.migrations.allSatisfy({ $0.appliedAt != nil }) {
                let recovery = try await store.recovery()
                findings.append(clock([status.newestTime, recovery.heartbeat].compactMap { $0 }.max()))
                findings.append(lostWrites(recovery.incidents))
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
        if isServing { findings += [openFiles(), crashReports()] }
        return findings
    }

    private func publicURL() -> Finding {
        let url = configuration.publicURL
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
