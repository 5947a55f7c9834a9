import ArgumentParser
import Foundation
import Logging
import PawlCore
import PawlJOSE
import PawlPasswords
import PawlPostgres
import PawlSQLite
import PawlServer
import PawlTerminal

/// Where the server and its secret are.
struct CommonSettings {
    let database: DatabaseLocation
    private let isDatabaseNamed: Bool
    let masterSecretFile: String?
    let masterSecretText: String?
    let masterSecretAccess: MasterSecretSource.Access
    let opsHost: String
    let opsPort: Int

    init(_ reader: SettingsReader) async throws {
        let named = try await reader.string("database")
        database = try DatabaseLocation(named ?? "sqlite:pawl.sqlite", setting: "database")
        isDatabaseNamed = named != nil
        masterSecretFile = try await reader.string("master-secret-file")
        masterSecretText = reader.environment["PAWL_MASTER_SECRET"]
        masterSecretAccess = try await reader.choice("master-secret-access", default: .private)
        opsHost = try await reader.string("ops-host") ?? "127.0.0.1"
        opsPort = try await reader.integer("ops-port", default: 8081, in: 1...65535)
    }

    /// As root, becomes the user in whose hands the database's file is. See ``DatabaseLocation/giveUpRoot(isNamed:tell:)``.
    func giveUpRoot(tell: (UInt32) -> Void = RootPrivilege.say) throws {
        try database.giveUpRoot(isNamed: isDatabaseNamed, tell: tell)
    }
}

/// All that `pawl serve` goes by.
struct ServeSettings {
    enum LogFormat: String, CaseIterable {
        case text, json
    }

    private enum Registration: String, CaseIterable {
        case open, closed
    }

    private enum Pages: String, CaseIterable {
        case on, off
    }

    let common: CommonSettings
    let host: String
    let port: Int
    /// Names of the operations listener, in lower case.
    let opsNames: Set<String>
    /// In seconds.
    let drainDelay: Int
    let pawl: PawlConfiguration
    let hasPages: Bool
    let databaseConnections: Int
    let passwords: Argon2idHasher.Parameters
    let logLevel: Logger.Level
    let logFormat: LogFormat
    /// Each setting that was given, as it was written; `database` may hold a password.
    let written: [String: String]
    /// What may not be as it was meant, for the operator to read.
    let warnings: [String]

    init(_ reader: SettingsReader) async throws {
        common = try await CommonSettings(reader)
        host = try await reader.string("host") ?? "127.0.0.1"
        port = try await reader.integer("port", default: 8080, in: 1...65535)
        opsNames = try await Self.opsNames(reader, host: common.opsHost)
        drainDelay = try await reader.integer("drain-delay", default: 0, in: 0...600)
        databaseConnections = try await reader.integer(
            "database-connections", default: PostgresStore.connections, in: 3...100)

        let year = 366 * 86400
        var pawl = PawlConfiguration(publicURL: try await Self.publicURL(reader, port: port))
        pawl.origins = try await Self.origins("origins", reader)
        pawl.nativeOrigins = try await Self.origins("native-origins", reader)
        if let both = pawl.origins.intersection(pawl.nativeOrigins).first {
            throw CommandError("\(both) cannot be in origins and in native-origins: it gets a cookie or none.")
        }
        pawl.cookiePath = try await reader.choice("cookie-path", default: .root)
        hasPages = try await reader.choice("pages", default: Pages.on) == .on
        pawl.audience = try await reader.list("audience")
        // It is in every access token, and guards refuse one of more than 8 KiB.
        guard pawl.audience.joined(separator: ",").utf8.count <= 512 else {
            throw CommandError(
                "audience is longer than 512 bytes, and so would every access token be. Name fewer APIs.")
        }
        pawl.isRegistrationOpen = try await reader.choice("registration", default: Registration.closed) == .open
        pawl.leeway = Int64(try await reader.integer("leeway", default: 30, in: 0...300))
        pawl.onReuse = try await reader.choice("on-reuse", default: .end)
        pawl.lifetimes.access = Int64(try await reader.integer("access-lifetime", default: 900, in: 30...3600))
        pawl.lifetimes.idle = Int64(try await reader.integer("idle-lifetime", default: 7 * 86400, in: 60...year))
        pawl.lifetimes.absolute = Int64(
            try await reader.integer("absolute-lifetime", default: 30 * 86400, in: 60...year))
        pawl.sessionsPerUser = try await reader.integer("sessions-per-user", default: 100, in: 1...1_000_000)
        pawl.signingAlgorithm = try await reader.choice("signing-algorithm", default: .es256)
        pawl.keyPeriod = Int64(try await reader.integer("key-period", default: 90 * 86400, in: 3600...10 * year))
        pawl.minimumPasswordLength = try await reader.integer("minimum-password-length", default: 15, in: 8...64)
        pawl.throttle = LoginThrottle(
            networkFailures: Int64(try await reader.integer("network-failures", default: 100, in: 0...3600)))
        pawl.eventRetention = Int64(
            try await reader.integer("event-retention", default: 365 * 86400, in: 86400...100 * year))
        pawl.trustedProxies = try await reader.list("trusted-proxies").map { text in
            guard let network = IPNetwork(text) else {
                throw CommandError("trusted-proxies takes addresses or blocks such as 10.0.0.0/8, not \"\(text)\".")
            }
            return network
        }
        self.pawl = pawl

        passwords = Argon2idHasher.Parameters(
            memory: try await reader.integer("password-memory", default: 19456, in: 7168...4_194_304),
            passes: try await reader.integer("password-passes", default: 2, in: 1...100))
        logLevel = try await reader.choice("log-level", default: .info)
        logFormat = try await reader.choice(
            "log-format", default: isatty(STDERR_FILENO) == 1 ? .text : LogFormat.json)
        written = await reader.written()
        warnings =
            try reader.unknownVariables.map { "There is no setting \($0). See pawl serve --help for the names." }
            + [Self.passwordWarning(reader.file, database: common.database)].compactMap { $0 }
    }

    /// What is to be said about who may read a password in the file of settings.
    private static func passwordWarning(_ path: String?, database: DatabaseLocation) throws -> String? {
        guard let path, case .postgres(let url) = database, ConnectionString(url)?.hasPassword == true,
            let file = try TextFile(path, what: "settings"), file.text.contains(url),
            file.status.mode & 0o004 != 0 || (file.status.mode & 0o040 != 0 && file.status.owner != 0)
        else { return nil }
        return "Others can read the database's password in \(path). Run: chmod 600 \(path)"
    }

    private static func opsNames(_ reader: SettingsReader, host: String) async throws -> Set<String> {
        let names = try await reader.list("ops-names").map { $0.lowercased() }
        if let wrong = names.first(where: { $0.wholeMatch(of: /[a-z0-9._\-]+/) == nil }) {
            throw CommandError("ops-names takes host names such as pawl.internal, without a port, not \"\(wrong)\".")
        }
        return Set(names + [host.lowercased()])
    }

    private static func origins(_ name: String, _ reader: SettingsReader) async throws -> Set<WebOrigin> {
        Set(
            try await reader.list(name).map { text in
                guard let origin = WebOrigin(text) else {
                    throw CommandError(
                        "\(name) takes origins such as https://app.example.com, without a path, not \"\(text)\".")
                }
                guard origin.isTrustworthy else {
                    throw CommandError(
                        "\(name): over http anybody on the way could change what \(origin) does. Use https.")
                }
                return origin
            })
    }

    /// An origin: compared with tokens to the letter (RFC 8414 §2), and where the well-known names are looked for.
    private static func publicURL(_ reader: SettingsReader, port: Int) async throws -> String {
        let text = try await reader.string("public-url") ?? "http://localhost:\(port)"
        guard text.hasPrefix("http://") || text.hasPrefix("https://"),
            WebOrigin(text.hasSuffix("/") ? String(text.dropLast()) : text) != nil
        else { throw CommandError("public-url takes a URL such as https://auth.example.com, not \"\(text)\".") }
        return text
    }
}
