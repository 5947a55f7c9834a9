import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One process for a database file: an advisory lock that the kernel drops with the process, however it ends.
/// SQLite's own locks do not serve: its exclusive mode would shut out this process's readers as well.
package final class ProcessLock: Sendable {
    private let descriptor: Int32

    /// - Throws: ``SQLiteStoreError`` if another process holds it.
    init(of database: String) throws {
        descriptor = try DatabaseFiles(of: database).openLock()
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw SQLiteStoreError(
                """
                Another process is using this database (it holds \(database + DatabaseFiles.lock)). One process serves \
                one SQLite file: stop the other one, or give this one a database of its own.
                """, code: .inUse)
        }
    }

    /// The process that holds the lock of `database`, where the kernel tells.
    package static func holder(of database: String) -> Int? {
        let path = URL(filePath: database).resolvingSymlinksInPath().path + DatabaseFiles.lock
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let file = (attributes?[.systemFileNumber] as? NSNumber)?.stringValue,
            let locks = FileManager.default.contents(atPath: "/proc/locks")
        else { return nil }
        // 3: FLOCK  ADVISORY  WRITE 20817 fe:00:16285894 0 EOF
        for line in String(decoding: locks, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 5, fields[1] == "FLOCK", fields[5].split(separator: ":").last == file[...] {
                return Int(fields[4])
            }
        }
        return nil
    }

    deinit { close(descriptor) }
}
