import ArgumentParser
import Foundation
import Logging
import PawlCore
import PawlSQLite
import PawlTerminal

/// Where the master secrets come from: the environment, a file, or a file made beside the database.
enum MasterSecretSource {
    /// What the secrets are read for.
    enum Purpose {
        /// A server starts: a secret is made where there is neither one nor a database.
        case start
        /// A running server reads them again.
        case reload
        /// A command looks for those of the server.
        case command
    }

    /// Who may read the file.
    enum Access: String, CaseIterable {
        /// Its owner; and a group, if root owns it.
        case `private`
        /// Anybody on this machine or in this container.
        case shared
    }

    static func load(_ settings: CommonSettings, for purpose: Purpose, logger: Logger) throws -> MasterSecrets {
        if let text = settings.masterSecretText {
            guard settings.masterSecretFile == nil else {
                throw CommandError("Set PAWL_MASTER_SECRET or master-secret-file, not both.")
            }
            return try MasterSecrets(parsing: text)
        }
        guard let path = path(settings) else {
            throw CommandError(
                """
                All servers on one PostgreSQL need the same master secret. Make it once with: openssl rand -base64 32 \
                > FILE; chmod 600 FILE. Then give each of them --master-secret-file, or PAWL_MASTER_SECRET.
                """)
        }
        let file = try TextFile(path, what: "master secrets") ?? make(path, settings, for: purpose, logger: logger)
        if settings.masterSecretAccess == .private { try checkNobodyElseHas(path, file.status, for: purpose) }
        if let warning = try warning(of: file, at: path, settings), purpose != .command {
            logger.warning("\(warning)")
        }
        return try MasterSecrets(parsing: file.text)
    }

    private static func path(_ settings: CommonSettings) -> String? {
        settings.masterSecretFile ?? settings.database.path.map(Self.path(beside:))
    }

    /// What is to be said about who may read the file with the secrets; nil if nothing is, or there is no file.
    static func warning(_ settings: CommonSettings) throws -> String? {
        guard settings.masterSecretText == nil, let path = path(settings),
            let file = try TextFile(path, what: "master secrets")
        else { return nil }
        return try warning(of: file, at: path, settings)
    }

    private static func warning(of file: TextFile, at path: String, _ settings: CommonSettings) throws -> String? {
        try warning(
            of: file.status, at: path, isFixed: file.isOnReadOnlyMount, isShared: settings.masterSecretAccess == .shared
        )
    }

    /// Who owns the file, or may put another one in its place, knows the secret or chooses it.
    /// - Throws: ``CommandError`` if that is another user than root and the one of this process.
    private static func checkNobodyElseHas(_ path: String, _ status: FileStatus, for purpose: Purpose) throws {
        let owners: Set<UInt32> = [0, geteuid()]
        // As an operator, root may read the file of the server's user.
        let isOperator = geteuid() == 0 && purpose == .command
        guard owners.contains(status.owner) || isOperator else {
            throw CommandError(
                "The master secret in \(path) belongs to user \(status.owner). Run: chown \(geteuid()) \(path)")
        }
        guard !isOperator else { return }
        for place in Set([URL(filePath: path).standardizedFileURL, URL(filePath: path).resolvingSymlinksInPath()]) {
            var folder = place.deletingLastPathComponent().resolvingSymlinksInPath()
            while true {
                if let status = FileStatus(path: folder.path), isChangedByOthers(status) {
                    throw CommandError(
                        """
                        Others can replace the master secret in \(path), since they may change \(folder.path). Keep it in a \
                        folder that is root's or the server's own (chmod go-w).
                        """)
                }
                if folder.path == "/" { break }
                folder.deleteLastPathComponent()
            }
        }
    }

    /// Whether others may take files out of a folder and put others in. The group of this process is its user's own on many
    /// systems.
    private static func isChangedByOthers(_ folder: FileStatus) -> Bool {
        guard [0, geteuid()].contains(folder.owner) else { return true }
        let byGroup = folder.mode & 0o020 != 0 && ![0, getegid()].contains(folder.group)
        return (byGroup || folder.mode & 0o002 != 0) && !folder.isSticky
    }

    /// A container platform mounts a secret as root's, readable for a group (0440) or for all (0444, 0644), and nobody
    /// in the container can change that.
    /// - Parameters:
    ///   - isFixed: whether it is mounted read-only.
    ///   - isShared: whether the settings let others read it.
    /// - Throws: ``CommandError`` if others may change it, or read it where they need not.
    static func warning(of status: FileStatus, at path: String, isFixed: Bool, isShared: Bool) throws -> String? {
        guard status.mode & 0o022 == 0 else {
            throw CommandError("Others can change the master secret in \(path). Run: chmod 600 \(path)")
        }
        let isRoots = status.owner == 0
        if status.mode & 0o004 == 0 && (status.mode & 0o040 == 0 || isRoots) { return nil }
        guard isShared || (isRoots && isFixed) else {
            throw CommandError(
                """
                Others can read the master secret in \(path). Run: chmod 600 \(path). Where that is impossible and \
                nobody else is there, as in a container, set --master-secret-access shared.
                """)
        }
        return "Other users on this machine or in this container can read the master secret in \(path)."
    }

    /// Makes a secret where a server begins anew, and says why not otherwise.
    private static func make(
        _ path: String, _ settings: CommonSettings, for purpose: Purpose, logger: Logger
    ) throws -> TextFile {
        switch purpose {
        case .reload:
            throw CommandError(
                """
                The file with the master secrets, \(path), is gone. The server goes on with the secrets that it has, \
                and cannot start again without them: put the file back.
                """)
        case .command:
            throw CommandError(
                """
                There is no master secret in \(path). Give --database, and --master-secret-file or \
                PAWL_MASTER_SECRET, as the server has them.
                """)
        case .start: break
        }
        guard settings.masterSecretFile == nil else {
            throw CommandError("There is no master secret in \(path). Make one with: openssl rand -base64 32")
        }
        guard !FileManager.default.fileExists(atPath: settings.database.description) else {
            throw CommandError(
                """
                The database \(settings.database) exists, but its master secret does not: neither in \(path) nor \
                in PAWL_MASTER_SECRET. Without it nothing in the database opens; put it back.
                """)
        }
        try write(path)
        logger.notice(
            "Made a master secret. Keep a copy apart from the database: without it nobody stays signed in",
            metadata: ["file": "\(path)"])
        guard let file = try TextFile(path, what: "master secrets") else {
            throw CommandError("\(path) is gone again. Does another program tidy up its folder?")
        }
        return file
    }

    /// Where it is made if nothing else is said.
    static func path(beside database: String) -> String { database + ".master-secret" }

    private static func write(_ path: String) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandError("Cannot make \(path): \(unsafe String(cString: strerror(errno))).")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let secret = Data(Randomness.system.bytes(MasterSecret.length)).base64EncodedString()
        try file.write(contentsOf: Data((secret + "\n").utf8))
        try file.synchronize()
    }
}
