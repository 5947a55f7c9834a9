#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the kernel says of a file. A link is described itself, not the file that it leads to.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable {
        case file, folder, link
        /// A pipe, a socket or a device, which acts when it is opened.
        case other
    }

    /// Which file it is, whatever it is called.
    package struct Identity: Sendable, Equatable {
        let device: UInt64
        let number: UInt64
    }

    package var kind: Kind
    package var owner: UInt32
    package var group: UInt32
    /// The permissions: the lower twelve bits.
    package var mode: UInt32
    /// How many names it has: 1, unless it was linked.
    package var links: Int
    package var identity: Identity

    /// Of the file at `path`; nil if there is none. Never opens it: closing it again would drop SQLite's own locks.
    package init?(path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Of an open file.
    package init?(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        owner = status.st_uid
        group = status.st_gid
        mode = UInt32(status.st_mode) & 0o7777
        links = Int(clamping: status.st_nlink)
        identity = Identity(
            device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(truncatingIfNeeded: status.st_ino))
    }

    /// Whether users other than the owner may put files into this folder.
    package var isShared: Bool { mode & 0o022 != 0 }
    /// Whether only its owner may take a file out of this shared folder, as in `/tmp`.
    package var isSticky: Bool { mode & 0o1000 != 0 }

    /// Why the file at `path`, which has this status, cannot be one of a database's own files; nil if it can.
    /// - Parameter owners: whose it may be.
    package func refusal(of path: String, owners: Set<UInt32>) -> String? {
        switch kind {
        case .file: break
        case .link: return "\(path) is a link, and Pawl follows none there. Remove it."
        case .folder, .other: return "\(path) is not a plain file. Move it away."
        }
        guard links == 1 else {
            return """
                \(path) has \(links) names (hard links): another process could use the file under another name, \
                unnoticed. Remove the others; this lists those on its disk: find / -xdev -samefile \(path)
                """
        }
        guard owners.contains(owner) else {
            return """
                \(path) belongs to user \(owner), who is neither the database's owner nor the user of this process. \
                Remove it if it is not Pawl's; otherwise give it to the database's owner.
                """
        }
        return nil
    }
}

/// The files that SQLite and Pawl open under a database's name.
package struct DatabaseFiles {
    /// What stands behind the database's path in the names of the files that SQLite opens.
    package static let suffixes = ["", "-wal", "-shm", "-journal"]
    /// The suffix of the lock file.
    package static let lock = ".lock"

    private let path: String

    /// - Parameter path: of the database, with no link in it.
    package init(of path: String) {
        self.path = path
    }

    /// Whose these files may be: the user of this process, and the database's owner.
    private var owners: Set<UInt32> { Set([geteuid(), FileStatus(path: path)?.owner].compactMap { $0 }) }

    /// What is wrong with the kind, the names or the owner of one of these files; nil if nothing is. Opens none.
    package func refusal(_ suffix: String) -> String? {
        FileStatus(path: path + suffix)?.refusal(of: path + suffix, owners: owners)
    }

    /// SQLite would open whatever stands under these names, and follow links.
    /// - Throws: ``SQLiteStoreError`` if one of them is not the database's own.
    func check() throws {
        for suffix in Self.suffixes {
            if let refusal = refusal(suffix) { throw SQLiteStoreError(refusal) }
        }
    }

    /// Opens the lock file, or makes it for this user alone. Never follows a link, and never waits.
    func openLock() throws -> Int32 {
        if let refusal = refusal(Self.lock) { throw SQLiteStoreError(refusal) }
        let lockPath = path + Self.lock
        let descriptor = unsafe open(lockPath, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SQLiteStoreError(
                "Cannot open \(lockPath): \(unsafe String(cString: strerror(errno))).",
                code: errno == EACCES ? .inaccessible : .other)
        }
        // Another file may have come to stand there meanwhile.
        if let refusal = FileStatus(descriptor: descriptor)?.refusal(of: lockPath, owners: owners) {
            close(descriptor)
            throw SQLiteStoreError(refusal)
        }
        return descriptor
    }

    /// Makes the database's file if there is none. Nobody else may read it; the WAL takes its mode from it.
    func makePrivateFile() throws {
        guard FileStatus(path: path) == nil else { return }
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SQLiteStoreError(
                """
                Cannot make \(path): \(unsafe String(cString: strerror(errno))). Does its folder exist, and may this \
                user write there?
                """)
        }
        close(descriptor)
    }
}
