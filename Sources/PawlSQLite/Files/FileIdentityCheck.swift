import PawlCore

/// The files that are open, to be found again under their names. SQLite goes on writing to files that were deleted or
/// moved away; whatever it acknowledged there would be lost with the process.
struct FileIdentityCheck: Sendable {
    private let files: [(path: String, identity: FileStatus.Identity?)]

    /// - Parameter paths: of files that were just opened.
    init(paths: [String]) {
        files = paths.map { ($0, FileStatus(path: $0)?.identity) }
    }

    func check() throws(StoreError) {
        for file in files where FileStatus(path: file.path)?.identity != file.identity {
            throw StoreError(
                """
                \(file.path) is gone, or another file is in its place. Put the file back, or stop the server, restore a \
                backup and start it.
                """)
        }
    }
}
