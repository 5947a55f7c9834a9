import Foundation
import PawlCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The file of a backup: under a name of its own until it is complete, then under the one that was asked for, which it
/// takes from nobody.
struct BackupFile {
    let temporaryPath: String
    /// With no link in the way to it.
    private let path: String

    /// Room to leave on the disk, which the database may live on too.
    private static let reserve: Int64 = 64 << 20
    /// What stands behind the database's path in the names of its companions.
    private static let companions = DatabaseFiles.suffixes + [DatabaseFiles.lock, ".master-secret"]

    /// Makes the temporary file, for this user alone.
    init(_ path: String, of database: String) throws(BackupError) {
        guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(0) else {
            throw BackupError("A backup needs the absolute path of a new file.")
        }
        let folder = URL(filePath: path).deletingLastPathComponent().resolvingSymlinksInPath().path
        self.path = URL(filePath: folder).appending(path: URL(filePath: path).lastPathComponent).path
        temporaryPath = "\(self.path).\(Hex.encode(Randomness.system.bytes(4))).partial"
        // SQLite would take it for the database's own.
        guard !Self.companions.contains(where: { [place = self.path] in place == database + $0 }) else {
            throw BackupError("\(path) is a name for what belongs to the database. Choose another one.")
        }
        guard FileStatus(path: self.path) == nil else { throw Self.exists(path) }
        try Self.checkIsSafe(folder)
        let free = Self.free(in: folder)
        let size = SQLiteStore.size(of: database)
        if let free, free < size + Self.reserve {
            throw BackupError(
                """
                The backup needs \((size + Self.reserve) >> 20) MiB, and \(folder) has \(free >> 20) MiB left. Choose \
                another disk.
                """)
        }
        let descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("The server cannot write \(path)", folder) }
        close(descriptor)
    }

    /// Flushes it to disk and gives it its name.
    /// - Returns: its size.
    func publish() throws(BackupError) -> Int64 {
        let size = SQLiteStore.size(of: temporaryPath)
        let folder = URL(filePath: path).deletingLastPathComponent().path
        try Self.flush(temporaryPath)
        // A rename would replace a file that has come meanwhile.
        guard unsafe link(temporaryPath, path) == 0 else {
            throw errno == EEXIST ? Self.exists(path) : Self.failure("The backup cannot be called \(path)", folder)
        }
        remove()
        try Self.flush(folder)
        return size
    }

    func remove() {
        for suffix in ["", "-wal"] { unsafe unlink(temporaryPath + suffix) }
    }

    /// Anyone who may replace files in the folder, or a folder on the way to it, could have SQLite write the copy
    /// somewhere else.
    private static func checkIsSafe(_ folder: String) throws(BackupError) {
        var place = folder
        while true {
            // Where there is none, the file cannot be made either.
            if let status = FileStatus(path: place) {
                guard [0, geteuid()].contains(status.owner), !status.isShared || status.isSticky else {
                    throw BackupError(
                        """
                        Others may replace the files in \(place), also a backup while it is written. Choose a folder that \
                        only the server's user may change (chmod 700), or forbid others to take files out of it (chmod +t).
                        """)
                }
            }
            guard place != "/" else { return }
            place = URL(filePath: place).deletingLastPathComponent().path
        }
    }

    private static func exists(_ path: String) -> BackupError {
        BackupError("\(path) is there already. A backup replaces nothing: choose a new name.")
    }

    private static func failure(_ what: String, _ folder: String) -> BackupError {
        BackupError(
            """
            \(what): \(unsafe String(cString: strerror(errno))). Choose a folder that the server's user may write to, \
            such as the database's own.
            """)
    }

    /// SQLite has the copy open meanwhile. That closing it here drops SQLite's locks on it harms nobody: nobody else knows
    /// its name.
    static func flush(_ path: String) throws(BackupError) {
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw BackupError("\(path) cannot be flushed to disk: \(unsafe String(cString: strerror(errno))).")
        }
    }

    /// Nil if the file system does not say.
    private static func free(in folder: String) -> Int64? {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        return (attributes?[.systemFreeSize] as? NSNumber)?.int64Value
    }
}
