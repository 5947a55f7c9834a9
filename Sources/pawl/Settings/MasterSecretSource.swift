import ArgumentParser
import Foundation
import Logging
import PawlCore

/// Where the master secrets come from: the environment, a file, or a file made beside the database.
enum MasterSecretSource {
    /// - Parameter mayCreate: whether to make a secret where there is neither one nor a database.
    static func load(_ settings: CommonSettings, mayCreate: Bool, logger: Logger) throws -> MasterSecrets {
        if let text = settings.masterSecretText {
            guard settings.masterSecretFile == nil else {
                throw CommandError("Set PAWL_MASTER_SECRET or master-secret-file, not both.")
            }
            return try MasterSecrets(parsing: text)
        }
        guard let path = settings.masterSecretFile ?? settings.database.path.map(Self.path(beside:)) else {
            throw CommandError(
                """
                All servers on one PostgreSQL need the same master secret. Make it once with: openssl rand -base64 32 \
                > FILE; chmod 600 FILE. Then give each of them --master-secret-file, or PAWL_MASTER_SECRET.
                """)
        }
        if !FileManager.default.fileExists(atPath: path) {
            guard mayCreate else {
                throw CommandError(
                    """
                    There is no master secret in \(path). Give --database, and --master-secret-file or \
                    PAWL_MASTER_SECRET, as the server has them.
                    """)
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
            try make(path)
            logger.notice(
                "Made a master secret. Keep a copy apart from the database: without it nobody stays signed in",
                metadata: ["file": "\(path)"])
        }
        return try MasterSecrets(parsing: try read(path))
    }

    /// Where it is made if nothing else is said.
    static func path(beside database: String) -> String { database + ".master-secret" }

    private static func make(_ path: String) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandError("Cannot make \(path): \(unsafe String(cString: strerror(errno))).")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let secret = Data(Randomness.system.bytes(MasterSecret.length)).base64EncodedString()
        try file.write(contentsOf: Data((secret + "\n").utf8))
        try file.synchronize()
    }

    private static func read(_ path: String) throws -> String {
        let path = URL(filePath: path).resolvingSymlinksInPath().path  // secrets are often mounted as links
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
        guard mode & 0o077 == 0 else {
            throw CommandError("Others can read the master secret in \(path). Run: chmod 600 \(path)")
        }
        guard let data = FileManager.default.contents(atPath: path), data.count <= 4096 else {
            throw CommandError("The master secret in \(path) cannot be read.")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
