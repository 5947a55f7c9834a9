import Foundation
import PawlSQLite
import PawlTerminal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What root gives up before it touches a database's folder: the owner of that folder decides what stands there, and a
/// link or a pipe of theirs would have root read, write or make files for them.
enum RootPrivilege {
    /// As root, becomes the user who has a say in what stands at `path`, for good: this program begins anew as that
    /// user, before it has read any input. Returns for other users, and where root alone has a say.
    /// - Parameter tell: is told the user's id just before that.
    static func giveUp(for path: String, tell: (UInt32) throws -> Void = say) throws {
        guard geteuid() == 0 else { return }
        let owner = try owner(
            of: path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path,
            status: { FileStatus(path: $0) },
            target: { try? FileManager.default.destinationOfSymbolicLink(atPath: $0) })  // gone meanwhile: no link
        guard let owner else { return }
        try tell(owner.owner)
        if become(owner) { startAnew() }
        throw CommandError(
            """
            \(path) is in the hands of user \(owner.owner), and root cannot go on as that user: \
            \(unsafe String(cString: strerror(errno))). Run this as that user.
            """)
    }

    /// On standard error, for commands.
    static func say(_ user: UInt32) {
        FileHandle.standardError.write(Data("Root gives way to user \(user), who owns the database's folder.\n".utf8))
    }

    /// Runs this program from its begin. The thread that `main` began on has been parked by then: the C library cannot
    /// take root's rights from it any more, and what root has read and opened would stay too.
    private static func startAnew() {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)  // worker threads block signals, and that is inherited
        _ = unsafe execv("/proc/self/exe", CommandLine.unsafeArgv)
    }

    /// The first part of the way from the root folder to `path` that another user than root owns: that user decides
    /// what comes after it. Nil if all of it is root's.
    /// - Parameters:
    ///   - path: an absolute one; the file need not exist.
    ///   - status: looks at a file.
    ///   - target: where a link leads.
    /// - Throws: ``CommandError`` if a part is root's but any user, or a group, could put another in its place.
    static func owner(
        of path: String, status: (String) -> FileStatus?, target: (String) -> String?
    ) throws -> FileStatus? {
        var rest = Array(path.split(separator: "/").reversed())
        var folder = ""
        var links = 0
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
                continue
            }
            let place = status(folder.isEmpty ? "/" : folder)
            let entry = status("\(folder)/\(name)")
            // What stands beside the database matters too: there, that nobody can take its file away is not enough. And
            // anyone may have put the file itself there.
            let isLast = rest.isEmpty && entry?.kind != .link
            if let entry, entry.owner != 0, !isLast || place?.isShared != true { return entry }
            if let place, place.isShared, isLast || !place.isSticky {
                throw CommandError(
                    """
                    Others may put files into \(folder.isEmpty ? "/" : folder), and root must not use what they put \
                    there. Run: chmod 700 \(folder). Or run this as the server's user.
                    """)
            }
            guard let entry else { return nil }
            if entry.kind == .link, let target = target("\(folder)/\(name)") {
                links += 1
                guard links <= 40 else { throw CommandError("\(path) leads through too many links.") }
                if target.hasPrefix("/") { folder = "" }
                rest += target.split(separator: "/").reversed()
            } else {
                folder += "/\(name)"
            }
        }
        return nil
    }

    /// Takes on the user and the groups of a file's owner, with no way back.
    private static func become(_ file: FileStatus) -> Bool {
        let group: UInt32
        if let entry = unsafe getpwuid(file.owner) {
            group = unsafe entry.pointee.pw_gid
            guard unsafe initgroups(entry.pointee.pw_name, group) == 0 else { return false }
        } else {
            // A user without a name, as in containers. Root's group may be a folder's by chance alone.
            group = file.group == 0 ? nogroup : file.group
            var groups = [group]
            guard unsafe setgroups(1, &groups) == 0 else { return false }
        }
        // Root's setuid changes the real and the saved user too.
        return setgid(group) == 0 && setuid(file.owner) == 0 && geteuid() == file.owner && setuid(0) != 0
    }

    private static let nogroup: UInt32 = 65534
}
