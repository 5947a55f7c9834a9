import Logging
import PawlCore
import PawlServer
import ServiceLifecycle
import UnixSignals

/// On SIGHUP takes over what may change while the server runs: log level, lifetimes, origins and master secrets. The file with
/// settings and that with the secrets are read again; flags and environment stay, and still win. Not
/// swift-configuration's `ReloadingFileProvider`: that polls, and hands out values one by one, before anything has
/// looked at all of them.
struct Reload: Service {
    let hangups: UnixSignalsSequence
    let readSettings: @Sendable () async throws -> ServeSettings
    /// What the server goes by, but for what was reloaded since. Says where the secrets are, too.
    let started: ServeSettings
    let level: LogLevel
    let pawl: Pawl
    let logger: Logger

    func run() async throws {
        for await _ in hangups.cancelOnGracefulShutdown() {
            do {
                try await reload()
            } catch {
                logger.error(
                    "Settings were not reloaded; those in force stay",
                    metadata: ["event": "reload_failed", "error": "\(error)"])
            }
        }
    }

    /// Throws before anything has changed if the new settings or secrets cannot be taken over.
    private func reload() async throws {
        let settings = try await readSettings()
        let secrets = try MasterSecretSource.load(started.common, for: .reload, logger: logger)
        let old = pawl.engine.settings
        let oldOrigins = (web: pawl.origins, native: pawl.nativeOrigins)
        let new = LiveSettings(secrets: secrets, lifetimes: settings.pawl.lifetimes)
        try await pawl.engine.reload(new)
        pawl.allow(origins: settings.pawl.origins, nativeOrigins: settings.pawl.nativeOrigins)
        let values: [(String, String, String)] = [
            ("access-lifetime", "\(old.lifetimes.access)", "\(new.lifetimes.access)"),
            ("idle-lifetime", "\(old.lifetimes.idle)", "\(new.lifetimes.idle)"),
            ("absolute-lifetime", "\(old.lifetimes.absolute)", "\(new.lifetimes.absolute)"),
            ("origins", Self.list(oldOrigins.web), Self.list(pawl.origins)),
            ("native-origins", Self.list(oldOrigins.native), Self.list(pawl.nativeOrigins)),
            ("log-level", "\(level.now)", "\(settings.logLevel)"),
            ("master-secrets", old.secrets.keyIDs.joined(separator: " "), secrets.keyIDs.joined(separator: " ")),
        ]
        var changes: Logger.Metadata = ["event": "reloaded"]
        for (name, old, new) in values where old != new { changes[name] = "\(old) → \(new)" }
        // At whichever level says more: an operator who makes the log quieter wants to see that it worked.
        level.now = min(level.now, settings.logLevel)
        logger.notice(changes.count == 1 ? "Nothing to reload" : "Settings reloaded", metadata: changes)
        level.now = settings.logLevel
        warnOfIgnored(settings, except: Set(values.map(\.0)))
    }

    /// Names what was changed since the start and takes a restart.
    private func warnOfIgnored(_ settings: ServeSettings, except reloaded: Set<String>) {
        let names = Set(settings.written.keys).union(started.written.keys).subtracting(reloaded)
            .filter { settings.written[$0] != started.written[$0] }.sorted()
        guard !names.isEmpty else { return }
        logger.warning(
            "Some settings were changed that only a restart takes over",
            metadata: ["event": "reload_ignored", "settings": "\(names.joined(separator: " "))"])
    }

    private static func list(_ origins: Set<WebOrigin>) -> String {
        origins.isEmpty ? "none" : origins.map(\.description).sorted().joined(separator: " ")
    }
}
