import Logging
import PawlCore
import PawlPostgres
import PawlSQLite
import PawlTerminal

/// Where the data are.
enum DatabaseLocation: CustomStringConvertible {
    case sqlite(path: String)
    /// A connection string, which may hold a password.
    case postgres(url: String)

    init(_ text: String, setting: String) throws {
        if text.hasPrefix("sqlite:"), text != "sqlite:" {
            let path = text.dropFirst("sqlite:".count)
            // Other programs read these as a database in memory, a URI, or a path after slashes of its own.
            guard !path.hasPrefix(":"), !path.hasPrefix("file:"), !path.hasPrefix("//") else {
                throw CommandError(
                    "\(setting) takes the path of a file: sqlite:pawl.sqlite, or sqlite:/var/lib/pawl/pawl.sqlite.")
            }
            self = .sqlite(path: String(path))
        } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            self = .postgres(url: text)
        } else {
            // Not repeated: a connection string of another form holds a password too.
            throw CommandError("\(setting) takes sqlite:PATH or postgres://….")
        }
    }

    /// Without user, password and options.
    var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgres(let url): ConnectionString(url)?.description ?? "postgres://…"
        }
    }

    /// As root, becomes the user in whose hands the file is. To be called before anything beside it is opened, and
    /// before any input is read. See ``RootPrivilege``.
    /// - Parameters:
    ///   - isNamed: whether it was said which database. Otherwise root takes what its own folder has, and no more: somebody
    ///     else may have put a file there for root to find.
    ///   - tell: is told the user's id just before that.
    func giveUpRoot(isNamed: Bool, tell: (UInt32) -> Void) throws {
        guard let path else { return }
        try RootPrivilege.giveUp(for: path) { user in
            guard isNamed else {
                throw CommandError(
                    """
                    \(path) in this folder is in the hands of user \(user). To work on it as that user, name it: \
                    --database sqlite:\(path)
                    """)
            }
            tell(user)
        }
    }

    /// The file on this machine, if it is one.
    var path: String? {
        switch self {
        case .sqlite(let path): path
        case .postgres: nil
        }
    }

    /// - Parameter connections: how many there may be to PostgreSQL.
    func open(
        for purpose: OpenMode, connections: Int = 3, metrics: PawlMetrics = .init(), logger: Logger
    ) async throws -> any Store {
        switch self {
        case .sqlite(let path):
            try await SQLiteStore(path: path, purpose: purpose, metrics: metrics, logger: logger)
        case .postgres(let url):
            try await PostgresStore(
                url: url, connections: connections, purpose: purpose, metrics: metrics, logger: logger)
        }
    }
}
