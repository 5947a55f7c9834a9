#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One process for a database file: an advisory lock that the kernel drops with the process, however it ends.
/// SQLite's own locks do not serve: its exclusive mode would shut out this process's readers as well.
final class ProcessLock: Sendable {
    private let descriptor: Int32

    /// - Throws: ``SQLiteStoreError`` if another process holds it.
    init(path: String) throws {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SQLiteStoreError("Cannot open \(path): \(unsafe String(cString: strerror(errno))).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw SQLiteStoreError(
                """
                Another process is using this database (it holds \(path)). One process serves one SQLite file: stop the \
                other one, or give this one a database of its own.
                """)
        }
    }

    deinit { close(descriptor) }
}
