import PawlTerminal

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How many files, sockets included, this process may have open. The usual limit of 1,024 is meant for programs that
/// use `select` and may be raised without privilege; the hard limit is the administrator's.
enum FileDescriptorLimit {
    /// For the database, the logs and the runtime: connections must never leave them without.
    private static let reserve = 64
    /// The operations listener has few clients.
    static let operationsConnections = 64
    private static let least = 256

    #if canImport(Glibc)
        private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let resource = RLIMIT_NOFILE
    #endif

    /// Raises the limit as far as it goes.
    /// - Returns: how many of `wanted` connections the API may have at once.
    static func connections(wanted: Int) throws -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return wanted }
        limit.rlim_cur = limit.rlim_max
        guard unsafe setrlimit(resource, &limit) == 0 else { return wanted }
        let files = Int(clamping: limit.rlim_max)
        guard files >= least else {
            throw CommandError(
                """
                This process may have only \(files) files open at once, and needs \(least) or more: raise the limit \
                (LimitNOFILE= in a systemd unit, ulimit -Hn in a shell). 4,500 serve all connections there may be.
                """)
        }
        return min(wanted, files - reserve - operationsConnections)
    }
}
