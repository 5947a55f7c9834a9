import PawlCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The files that are open, to be found again under their names. SQLite goes on writing to files that were deleted or
/// moved away; whatever it acknowledged there would be lost with the process.
struct OpenedFiles: Sendable {
    private struct Identity: Equatable {
        let device: UInt64
        let number: UInt64

        /// Nil if there is no such file. Never opens it: closing it again would drop SQLite's own locks.
        init?(path: String) {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            device = UInt64(truncatingIfNeeded: status.st_dev)
            number = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    private let files: [(path: String, identity: Identity?)]

    /// - Parameter paths: of files that were just opened.
    init(paths: [String]) {
        files = paths.map { ($0, Identity(path: $0)) }
    }

    func check() throws(StoreError) {
        for file in files where Identity(path: file.path) != file.identity {
            throw StoreError(
                """
                \(file.path) is gone, or another file is in its place. Put the file back, or stop the server, restore a \
                backup and start it.
                """)
        }
    }
}
