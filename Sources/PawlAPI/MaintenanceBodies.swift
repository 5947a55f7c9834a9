/// The answer to `GET /admin/status`.
package struct StatusReport: Codable, Sendable {
    package var version: String
    /// Absent where no server runs and a command looks at its database by itself.
    package var server: Server?
    package var database: Database
    /// The key that signs now.
    package var signingKey: SigningKey?
    /// Newest first.
    package var masterSecrets: [MasterSecret]

    package init(
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

    package struct Server: Codable, Sendable {
        package var startedAt: String
        /// Seconds.
        package var uptime: Int64
        package var publicURL: String
        /// What listens where, by its name.
        package var listeners: [String: String]
        /// When all sessions were last looked at; absent before the first round is over.
        package var housekeepingFinishedAt: String?
        /// When tidying last failed; absent if what came after it went well.
        package var housekeepingFailedAt: String?

        package init(
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

    package struct Database: Codable, Sendable {
        /// Such as `SQLite`.
        package var kind: String
        package var version: String
        package var path: String?
        package var bytes: Int64
        /// What is in its journal and not yet in the database itself.
        package var journalBytes: Int64
        /// All that are kept, for a week those that are over too.
        package var sessions: Int
        package var users: Int
        package var migrations: [Migration]

        package init(
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

    package struct Migration: Codable, Sendable {
        package var name: String
        /// Absent if it is still to be applied.
        package var appliedAt: String?

        package init(name: String, appliedAt: String?) {
            self.name = name
            self.appliedAt = appliedAt
        }

        private enum CodingKeys: String, CodingKey {
            case name
            case appliedAt = "applied_at"
        }
    }

    package struct SigningKey: Codable, Sendable {
        package var id: String
        package var algorithm: String
        package var signsSince: String
        /// Seconds that it has signed.
        package var age: Int64

        package init(id: String, algorithm: String, signsSince: String, age: Int64) {
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
    package struct MasterSecret: Codable, Sendable {
        package var keyID: String
        package var newest: Bool
        package var distrusted: Bool

        package init(keyID: String, newest: Bool, distrusted: Bool) {
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
package struct DoctorReport: Codable, Sendable {
    package var findings: [Finding]

    package init(findings: [Finding]) {
        self.findings = findings
    }
}

/// One thing that was looked at.
package struct Finding: Codable, Sendable {
    /// What was looked at.
    package var check: String
    package var level: Level
    /// What was found.
    package var detail: String
    /// What to do, unless all is well.
    package var advice: String?

    package enum Level: String, Codable, Sendable {
        case ok
        /// It works, and should not stay so.
        case warning
        case problem
    }

    package init(_ check: String, _ level: Level, _ detail: String, advice: String? = nil) {
        self.check = check
        self.level = level
        self.detail = detail
        self.advice = advice
    }
}

/// The body of `POST /admin/backup`.
package struct BackupRequest: Codable, Sendable {
    /// The absolute path of a file on the server's machine that is not there yet.
    package var file: String

    package init(file: String) {
        self.file = file
    }
}

/// The answer to `POST /admin/backup`: it is complete, and was checked.
package struct BackupReport: Codable, Sendable {
    package var file: String
    package var bytes: Int64
    package var sessions: Int
    package var seconds: Double

    package init(file: String, bytes: Int64, sessions: Int, seconds: Double) {
        self.file = file
        self.bytes = bytes
        self.sessions = sessions
        self.seconds = seconds
    }
}

/// The answer to `GET /admin/backup`.
package struct BackupState: Codable, Sendable {
    /// `idle`, `copying` or `checking`.
    package var phase: String
    /// Pages copied, and all that there are, while `copying`.
    package var done: Int64?
    package var total: Int64?

    package init(phase: String, done: Int64? = nil, total: Int64? = nil) {
        self.phase = phase
        self.done = done
        self.total = total
    }
}
