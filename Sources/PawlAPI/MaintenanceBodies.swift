/// The answer to `GET /admin/status`.
public struct StatusReport: Codable, Sendable {
    public var version: String
    /// Absent where no server runs and a command looks at its database by itself.
    public var server: Server?
    public var database: Database
    /// The key that signs now.
    public var signingKey: SigningKey?
    /// Newest first.
    public var masterSecrets: [MasterSecret]

    public init(
        version: String, server: Server?, database: Database, signingKey: SigningKey?, masterSecrets: [MasterSecret]
    ) {
        self.version = version
        self.server = server
        self.database = database
        self.signingKey = signingKey
        self.masterSecrets = masterSecrets
    }

    private enum CodingKeys: String, CodingKey {
        case version, server, database
        case signingKey = "signing_key"
        case masterSecrets = "master_secrets"
    }

    public struct Server: Codable, Sendable {
        public var startedAt: String
        /// Seconds.
        public var uptime: Int64
        public var publicURL: String
        /// What listens where, by its name.
        public var listeners: [String: String]
        /// When all sessions were last looked at; absent before the first round is over.
        public var housekeepingFinishedAt: String?
        /// When tidying last failed; absent if what came after it went well.
        public var housekeepingFailedAt: String?

        public init(
            startedAt: String, uptime: Int64, publicURL: String, listeners: [String: String],
            housekeepingFinishedAt: String?, housekeepingFailedAt: String?
        ) {
            self.startedAt = startedAt
            self.uptime = uptime
            self.publicURL = publicURL
            self.listeners = listeners
            self.housekeepingFinishedAt = housekeepingFinishedAt
            self.housekeepingFailedAt = housekeepingFailedAt
        }

        private enum CodingKeys: String, CodingKey {
            case uptime, listeners
            case startedAt = "started_at"
            case publicURL = "public_url"
            case housekeepingFinishedAt = "housekeeping_finished_at"
            case housekeepingFailedAt = "housekeeping_failed_at"
        }
    }

    public struct Database: Codable, Sendable {
        /// Such as `SQLite`.
        public var kind: String
        public var version: String
        public var path: String?
        public var bytes: Int64
        /// What is in its journal and not yet in the database itself.
        public var journalBytes: Int64
        /// All that are kept, for a week those that are over too.
        public var sessions: Int
        public var users: Int
        public var migrations: [Migration]

        public init(
            kind: String, version: String, path: String?, bytes: Int64, journalBytes: Int64, sessions: Int, users: Int,
            migrations: [Migration]
        ) {
            self.kind = kind
            self.version = version
            self.path = path
            self.bytes = bytes
            self.journalBytes = journalBytes
            self.sessions = sessions
            self.users = users
            self.migrations = migrations
        }

        private enum CodingKeys: String, CodingKey {
            case kind, version, path, bytes, sessions, users, migrations
            case journalBytes = "journal_bytes"
        }
    }

    public struct Migration: Codable, Sendable {
        public var name: String
        /// Absent if it is still to be applied.
        public var appliedAt: String?

        public init(name: String, appliedAt: String?) {
            self.name = name
            self.appliedAt = appliedAt
        }

        private enum CodingKeys: String, CodingKey {
            case name
            case appliedAt = "applied_at"
        }
    }

    public struct SigningKey: Codable, Sendable {
        public var id: String
        public var algorithm: String
        public var signsSince: String
        /// Seconds that it has signed.
        public var age: Int64

        public init(id: String, algorithm: String, signsSince: String, age: Int64) {
            self.id = id
            self.algorithm = algorithm
            self.signsSince = signsSince
            self.age = age
        }

        private enum CodingKeys: String, CodingKey {
            case id, algorithm, age
            case signsSince = "signs_since"
        }
    }

    /// Never the secret itself: its key id, which tokens and seals carry too.
    public struct MasterSecret: Codable, Sendable {
        public var keyID: String
        public var newest: Bool
        public var distrusted: Bool

        public init(keyID: String, newest: Bool, distrusted: Bool) {
            self.keyID = keyID
            self.newest = newest
            self.distrusted = distrusted
        }

        private enum CodingKeys: String, CodingKey {
            case newest, distrusted
            case keyID = "key_id"
        }
    }
}

/// The answer to `GET /admin/doctor`.
public struct DoctorReport: Codable, Sendable {
    public var findings: [Finding]

    public init(findings: [Finding]) {
        self.findings = findings
    }
}

/// One thing that was looked at.
public struct Finding: Codable, Sendable {
    /// What was looked at.
    public var check: String
    public var level: Level
    /// What was found.
    public var detail: String
    /// What to do, unless all is well.
    public var advice: String?

    public enum Level: String, Codable, Sendable {
        case ok
        /// It works, and should not stay so.
        case warning
        case problem
    }

    public init(_ check: String, _ level: Level, _ detail: String, advice: String? = nil) {
        self.check = check
        self.level = level
        self.detail = detail
        self.advice = advice
    }
}

/// The body of `POST /admin/backup`.
public struct BackupRequest: Codable, Sendable {
    /// The absolute path of a file on the server's machine that is not there yet.
    public var file: String

    public init(file: String) {
        self.file = file
    }
}

/// The answer to `POST /admin/backup`: it is complete, and was checked.
public struct BackupReport: Codable, Sendable {
    public var file: String
    public var bytes: Int64
    public var sessions: Int
    public var seconds: Double

    public init(file: String, bytes: Int64, sessions: Int, seconds: Double) {
        self.file = file
        self.bytes = bytes
        self.sessions = sessions
        self.seconds = seconds
    }
}

/// The answer to `GET /admin/backup`.
public struct BackupState: Codable, Sendable {
    /// `idle`, `copying` or `checking`.
    public var phase: String
    /// Pages copied, and all that there are, while `copying`.
    public var done: Int64?
    public var total: Int64?

    public init(phase: String, done: Int64? = nil, total: Int64? = nil) {
        self.phase = phase
        self.done = done
        self.total = total
    }
}
