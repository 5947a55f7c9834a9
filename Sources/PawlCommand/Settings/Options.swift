import ArgumentParser
import Configuration

/// What every command needs to find the server and its secret.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A JSON file with settings, named like the options.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            """
            Where the data are: sqlite:PATH, or postgres://… as libpq reads it, for more than one server. \
            (default: sqlite:pawl.sqlite)
            """, valueName: "url"))
    var database: String?

    @Option(
        help: ArgumentHelp(
            """
            A file with the master secrets: 32 bytes each in base64, newest first, readable by its owner alone, or by \
            a group if it is root's. Or set PAWL_MASTER_SECRET. (default: made beside the SQLite database)
            """, valueName: "file"))
    var masterSecretFile: String?

    @Option(
        help: ArgumentHelp(
            "Whether other users may read that file, as some container platforms mount it. (default: private)",
            valueName: "private|shared"))
    var masterSecretAccess: String?

    @Option(help: "Address of the operations listener; keep it off the network. (default: 127.0.0.1)")
    var opsHost: String?

    @Option(help: "Port of the operations listener. (default: 8081)")
    var opsPort: Int?

    var values: [String: ConfigValue?] {
        [
            "database": database.value, "master-secret-file": masterSecretFile.value,
            "master-secret-access": masterSecretAccess.value, "ops-host": opsHost.value, "ops-port": opsPort.value,
        ]
    }
}

/// What `pawl serve` can be told.
struct ServeOptions: ParsableArguments {
    @Option(help: "Address to listen on. (default: 127.0.0.1)")
    var host: String?

    @Option(help: "Port to listen on. (default: 8080)")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            """
            Host names under which the operations listener answers, besides --ops-host, localhost and IP addresses. \
            (default: none)
            """, valueName: "name,…"))
    var opsNames: String?

    @Option(
        help: ArgumentHelp(
            """
            Time between the signal to stop and the close of the listener. /readyz answers 503 meanwhile, so that load \
            balancers send requests elsewhere. (default: 0)
            """, valueName: "seconds"))
    var drainDelay: Int?

    @Option(help: ArgumentHelp("Connections to PostgreSQL. (default: 6)", valueName: "count"))
    var databaseConnections: Int?

    @Option(
        help: ArgumentHelp(
            "The URL that clients use: issuer of the tokens and own origin. (default: http://localhost:PORT)",
            valueName: "url"))
    var publicURL: String?

    @Option(
        help: ArgumentHelp(
            """
            Other origins whose pages may sign in here with the refresh token in a cookie, such as \
            https://app.example.com. (default: none)
            """, valueName: "origin,…"))
    var origins: String?

    @Option(
        help: ArgumentHelp(
            """
            Web views of applications, which get the refresh token in the body, never a cookie: \
            capacitor://localhost. (default: none)
            """, valueName: "origin,…"))
    var nativeOrigins: String?

    @Option(
        help: ArgumentHelp(
            "Where browsers send the refresh cookie; /auth where an application shares the origin. (default: /)",
            valueName: "/|/auth"))
    var cookiePath: String?

    @Option(help: ArgumentHelp("Whether to serve /account and /pawl.js. (default: on)", valueName: "on|off"))
    var pages: String?

    @Option(
        help: ArgumentHelp(
            "APIs that access tokens name as aud, after the public URL. (default: none)", valueName: "name,…"))
    var audience: String?

    @Option(help: ArgumentHelp("Whether anybody may make an account. (default: closed)", valueName: "open|closed"))
    var registration: String?

    @Option(
        help: ArgumentHelp(
            "How long a spent refresh token is taken for a race or a repeat; 0 is strict. (default: 30)",
            valueName: "seconds"))
    var leeway: Int?

    @Option(
        help: ArgumentHelp(
            "What to do when a copied refresh token shows: end the session, or only report. (default: end)",
            valueName: "end|report"))
    var onReuse: String?

    @Option(help: ArgumentHelp("Life of an access token. (default: 900)", valueName: "seconds"))
    var accessLifetime: Int?

    @Option(
        help: ArgumentHelp("A session ends when unused for so long. (default: 604800, 7 days)", valueName: "seconds"))
    var idleLifetime: Int?

    @Option(
        help: ArgumentHelp(
            "A session ends after so long in any case. (default: 2592000, 30 days)", valueName: "seconds"))
    var absoluteLifetime: Int?

    @Option(
        help: ArgumentHelp(
            "Sessions of a user at once; a sign-in above it ends the least recently used. (default: 100)",
            valueName: "count"))
    var sessionsPerUser: Int?

    @Option(
        help: ArgumentHelp(
            "Proxies whose X-Forwarded-For or Forwarded is believed. (default: none)", valueName: "cidr,…"))
    var trustedProxies: String?

    @Option(help: ArgumentHelp("How access tokens are signed. (default: ES256)", valueName: "ES256|EdDSA"))
    var signingAlgorithm: String?

    @Option(help: ArgumentHelp("How long a signing key is in use. (default: 7776000, 90 days)", valueName: "seconds"))
    var keyPeriod: Int?

    @Option(
        help: ArgumentHelp("Shortest password for new accounts, at least 8. (default: 15)", valueName: "characters"))
    var minimumPasswordLength: Int?

    @Option(
        help: ArgumentHelp(
            "Failed sign-ins, and registrations, that one network may bring in an hour; 0 is no bound. (default: 100)",
            valueName: "count"))
    var networkFailures: Int?

    @Option(help: ArgumentHelp("Memory of one Argon2id hash. (default: 19456)", valueName: "KiB"))
    var passwordMemory: Int?

    @Option(help: ArgumentHelp("Passes of one Argon2id hash. (default: 2)", valueName: "count"))
    var passwordPasses: Int?

    @Option(help: ArgumentHelp("How long events are kept. (default: 31536000, 365 days)", valueName: "seconds"))
    var eventRetention: Int?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("Text, or a JSON object a line. (default: text on a terminal)", valueName: "text|json"))
    var logFormat: String?

    var values: [String: ConfigValue?] {
        [
            "host": host.value, "port": port.value, "ops-names": opsNames.value, "drain-delay": drainDelay.value,
            "database-connections": databaseConnections.value,
            "public-url": publicURL.value,
            "origins": origins.value, "native-origins": nativeOrigins.value, "cookie-path": cookiePath.value,
            "pages": pages.value, "audience": audience.value,
            "registration": registration.value, "leeway": leeway.value, "on-reuse": onReuse.value,
            "access-lifetime": accessLifetime.value, "idle-lifetime": idleLifetime.value,
            "absolute-lifetime": absoluteLifetime.value, "sessions-per-user": sessionsPerUser.value,
            "trusted-proxies": trustedProxies.value,
            "signing-algorithm": signingAlgorithm.value, "key-period": keyPeriod.value,
            "minimum-password-length": minimumPasswordLength.value, "network-failures": networkFailures.value,
            "password-memory": passwordMemory.value,
            "password-passes": passwordPasses.value, "event-retention": eventRetention.value,
            "log-level": logLevel.value, "log-format": logFormat.value,
        ]
    }
}

extension String? {
    fileprivate var value: ConfigValue? { map { ConfigValue(.string($0), isSecret: false) } }
}

extension Int? {
    fileprivate var value: ConfigValue? { map { ConfigValue(.int($0), isSecret: false) } }
}
