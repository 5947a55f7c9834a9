import CLibPQ
import Foundation  // for the environment
import PawlCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A connection to PostgreSQL by libpq. It waits in `poll`, so it belongs on a thread of its own, and only there; see
/// ``ConnectionWorker``. Each wait has a deadline. A statement under way is never cancelled: that could cut a commit in two.
@safe final class Connection {
    private let handle: OpaquePointer
    /// The names of prepared statements, by their text.
    private var prepared: [String: String] = [:]
    /// Whether nobody waits for what is read any more. Never asked about a commit.
    var isGivenUp: () -> Bool = { false }
    /// Whether the next statement opens a transaction.
    private var opensTransaction = false
    /// What the server warned of since the last statement began.
    private var warning: String?
    /// How long a statement may take: a little longer than the server itself allows.
    private(set) var patience: Duration = .seconds(12)

    /// Milliseconds that the server gives a statement, and a transaction whose client says nothing.
    private static let timeouts = [("statement_timeout", 10_000), ("idle_in_transaction_session_timeout", 20_000)]

    /// How often a long wait is looked at.
    private static let glance = Duration.milliseconds(500)

    /// Connects, which may take as long as `connect_timeout` for each host.
    /// - Parameter string: as libpq reads it; what it leaves open is filled in by `defaults`.
    init(_ string: String) throws(PostgresError) {
        let needsVerifiedServer =
            ConnectionString(string)?.needsVerifiedServer(ProcessInfo.processInfo.environment) ?? false
        let defaults = Self.defaults + (needsVerifiedServer ? [("sslmode", "verify-full")] : [])
        let names = defaults.map(\.0) + ["dbname"]
        let values = defaults.map(\.1) + [string]
        let handle = unsafe CStrings(names).withPointer { names in
            unsafe CStrings(values).withPointer { values in unsafe PQconnectdbParams(names, values, 1) }
        }
        guard let handle = unsafe handle else { throw PostgresError(.away, "PostgreSQL: no memory to connect.") }
        unsafe self.handle = handle
        guard unsafe PQstatus(handle) == CONNECTION_OK, unsafe PQsetnonblocking(handle, 1) == 0 else {
            let reason = unsafe Self.message(PQerrorMessage(handle))
            let advice = """
                 (The server is on another machine, so its certificate is verified. Name its authority by sslrootcert \
                in the URL, or choose another sslmode there.)
                """
            let isAboutVerifying = needsVerifiedServer && (reason.contains("SSL") || reason.contains("certificate"))
            let isFull = reason.contains("too many clients") || reason.contains("remaining connection slots")
            throw PostgresError(
                .away,
                "PostgreSQL cannot be reached: \(reason)\(isAboutVerifying ? advice : isFull ? Self.fullAdvice : "")")
        }
        if ConnectionString(string)?.namesService(ProcessInfo.processInfo.environment) == true {
            try checkService()
        }
        unsafe PQsetNoticeReceiver(
            handle,
            { context, result in
                guard let context = unsafe context else { return }
                let severity = unsafe Connection.message(PQresultErrorField(result, Connection.severityField))
                let connection = unsafe Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue()
                guard severity == "WARNING" else { return }
                connection.warning = unsafe Connection.message(PQresultErrorField(result, Connection.messageField))
            }, unsafe Unmanaged.passUnretained(self).toOpaque())
        // After waiting for a row's lock, read the version that the lock protects.
        try execute("SET default_transaction_isolation = 'read committed'")
        // Unless the connection string, the role or the database sets them.
        for (name, milliseconds) in Self.timeouts {
            try execute(
                "SELECT set_config('\(name)', '\(milliseconds)', false) WHERE current_setting('\(name)') = '0'")
        }
        let limit = try execute("SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'")
        patience = .milliseconds(limit.first?.integer(0) ?? 0) + .seconds(2)
    }

    deinit { unsafe PQfinish(handle) }

    private static let fullAdvice = " (Raise max_connections, or lower database-connections.)"

    /// A service's section that says nothing of TLS would leave it to the server that answers.
    private func checkService() throws(PostgresError) {
        guard unsafe PQsslInUse(handle) == 0,
            let host = unsafe PQhost(handle).map({ unsafe String(cString: $0) }), !ConnectionString.isThisMachine(host),
            ["prefer", "allow"].contains(sslMode)
        else { return }
        throw PostgresError(
            .refused,
            """
            The service's section does not say how to verify the server, which is on another machine. Write \
            sslmode=verify-full there, or another mode.
            """)
    }

    /// As libpq goes by it.
    private var sslMode: String {
        guard let list = unsafe PQconninfo(handle) else { return "" }
        defer { unsafe PQconninfoFree(list) }
        var option = unsafe list
        while let keyword = unsafe option.pointee.keyword {
            if unsafe String(cString: keyword) == "sslmode", let value = unsafe option.pointee.val {
                return unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return ""
    }

    /// What a connection string need not say. Only a server that can be written to is of use; and a host that has gone
    /// without a word is given up within seconds.
    private static let defaults = [
        ("target_session_attrs", "read-write"), ("connect_timeout", "5"), ("tcp_user_timeout", "8000"),
        ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
        ("client_encoding", "UTF8"), ("fallback_application_name", "pawl"),
    ]

    // Letters of the protocol: severity, never translated; SQLSTATE; primary message.
    private static let severityField = Int32(UInt8(ascii: "V"))
    private static let stateField = Int32(UInt8(ascii: "C"))
    private static let messageField = Int32(UInt8(ascii: "M"))

    /// Runs one statement, prepared at its first use.
    /// - Parameter commits: whether it commits, so that its loss leaves a doubt. True for any statement outside of
    ///   ``transaction(_:)`` that writes.
    @discardableResult
    func execute(_ sql: String, _ parameters: [Parameter] = [], commits: Bool = false) throws(PostgresError) -> Rows {
        let name = try prepare(sql, parameters.map(\.type))
        guard opensTransaction else {
            try send(name, parameters)
            return try finish(commits: commits)
        }
        // BEGIN goes along in the same round trip.
        let begin = try prepare("BEGIN", [])
        opensTransaction = false
        try check(unsafe PQenterPipelineMode(handle))
        try send(begin, [])
        try send(name, parameters)
        try check(unsafe PQpipelineSync(handle))
        return try finish(statements: 2, commits: false)
    }

    /// - Returns: the statement's name.
    private func prepare(_ sql: String, _ types: [UInt32]) throws(PostgresError) -> String {
        if let known = prepared[sql] { return known }
        let name = "s\(prepared.count)"
        try check(unsafe PQsendPrepare(handle, name, sql, Int32(types.count), types))
        _ = try finish(commits: false)
        prepared[sql] = name
        return name
    }

    /// Runs `work` in a transaction, and commits it unless it throws.
    func transaction<Value>(_ work: (Connection) throws -> Value) throws -> Value {
        opensTransaction = true
        do {
            let value = try work(self)
            guard !opensTransaction else {
                opensTransaction = false
                return value  // it asked for nothing
            }
            guard try execute("COMMIT", commits: true).tag == "COMMIT" else {
                throw PostgresError(.refused, "PostgreSQL rolled a transaction back instead of committing it.")
            }
            return value
        } catch {
            if opensTransaction {
                opensTransaction = false
            } else if (error as? PostgresError)?.endsConnection != true {
                try execute("ROLLBACK")
            }
            throw error
        }
    }

    /// Runs what reads or changes whole tables, without the usual limit of time.
    func patiently<Value>(_ work: (Connection) throws -> Value) throws -> Value {
        let usual = patience
        patience = .seconds(3600)
        defer { patience = usual }
        return try transaction { connection in
            try connection.execute("SET LOCAL statement_timeout = 0")
            return try work(connection)
        }
    }

    /// Several statements in one text, without parameters: for the schema.
    func executeScript(_ sql: String) throws(PostgresError) {
        if opensTransaction {
            opensTransaction = false
            try execute("BEGIN")
        }
        try check(unsafe PQsendQuery(handle, sql))
        _ = try finish(commits: false)
    }

    private func send(_ name: String, _ parameters: [Parameter]) throws(PostgresError) {
        // All values one after the other, so that their addresses hold while libpq copies them.
        var content: [UInt8] = []
        var places: [Range<Int>?] = []
        for parameter in parameters {
            let start = content.count
            places.append(parameter.write(to: &content) ? start..<content.count : nil)
            content.append(0)
        }
        let lengths = places.map { Int32($0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: places.count)
        let sent = unsafe content.withUnsafeBytes { content in
            let values = unsafe places.map { place in
                unsafe place.flatMap { unsafe content.baseAddress?.advanced(by: $0.lowerBound) }?
                    .assumingMemoryBound(to: CChar.self)
            }
            return unsafe PQsendQueryPrepared(handle, name, Int32(values.count), values, lengths, formats, 1)
        }
        try check(sent)
    }

    private func check(_ sent: Int32) throws(PostgresError) {
        warning = nil
        guard sent == 1 else { throw lost(mayBeCommitted: false) }
    }

    /// Waits for the answers to what was sent.
    /// - Parameter statements: how many; several in one round trip, by libpq's pipeline mode.
    /// - Returns: the last one's.
    private func finish(statements: Int = 1, commits: Bool) throws(PostgresError) -> Rows {
        let deadline = ContinuousClock.now + patience
        while true {
            let left = unsafe PQflush(handle)
            guard left >= 0 else { throw lost(mayBeCommitted: commits) }
            if left == 0 { break }
            try wait(for: POLLIN | POLLOUT, until: deadline, commits: commits)
        }
        func nextResult() throws(PostgresError) -> OpaquePointer? {
            while unsafe PQisBusy(handle) == 1 { try wait(for: POLLIN, until: deadline, commits: commits) }
            return unsafe PQgetResult(handle)
        }
        var answer: Rows?
        var failure: PostgresError?
        for _ in 0..<statements {
            while let result = try unsafe nextResult() {
                let rows = unsafe Rows(result)
                switch unsafe PQresultStatus(result) {
                case PGRES_COMMAND_OK, PGRES_TUPLES_OK: answer = rows
                case PGRES_PIPELINE_ABORTED: break  // for the failure before it
                default: failure = unsafe Self.error(in: result, mayBeCommitted: commits)
                }
            }
        }
        if statements > 1, unsafe PQstatus(handle) == CONNECTION_OK {
            guard let end = try unsafe nextResult() else { throw lost(mayBeCommitted: commits) }
            unsafe PQclear(end)
            guard unsafe PQexitPipelineMode(handle) == 1 else { throw lost(mayBeCommitted: commits) }
        }
        if let failure { throw failure }
        guard let answer else { throw lost(mayBeCommitted: commits) }
        if commits, let warning {
            throw PostgresError(.inDoubt, "PostgreSQL warned, so it is not sure that a commit is kept: \(warning)")
        }
        return answer
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant, commits: Bool) throws(PostgresError) {
        var descriptor = pollfd(fd: unsafe PQsocket(handle), events: Int16(events), revents: 0)
        let left = deadline - .now
        let milliseconds = Int32(max(.zero, min(left, Self.glance)) / .milliseconds(1))
        let ready = unsafe poll(&descriptor, 1, milliseconds)
        if ready < 0 && errno == EINTR { return }
        if !commits, isGivenUp() { throw PostgresError(.away, "The store is closed.") }
        if ready == 0, .now < deadline { return }
        guard ready > 0 else {
            throw PostgresError(commits ? .inDoubt : .away, "PostgreSQL did not answer within \(patience).")
        }
        if Int32(descriptor.revents) & ~POLLOUT != 0, unsafe PQconsumeInput(handle) == 0 {
            throw lost(mayBeCommitted: commits)
        }
    }

    /// Whether the server has ended the connection while nobody looked.
    var isLost: Bool {
        var descriptor = pollfd(fd: unsafe PQsocket(handle), events: Int16(POLLIN), revents: 0)
        while unsafe poll(&descriptor, 1, 0) > 0 {
            if unsafe PQconsumeInput(handle) == 0 { return true }
        }
        return unsafe PQstatus(handle) != CONNECTION_OK
    }

    private func lost(mayBeCommitted: Bool) -> PostgresError {
        let reason = unsafe Self.message(PQerrorMessage(handle))
        return PostgresError(mayBeCommitted ? .inDoubt : .away, "The connection to PostgreSQL was lost: \(reason)")
    }

    private static func error(in result: OpaquePointer, mayBeCommitted: Bool) -> PostgresError {
        PostgresError(
            state: unsafe message(PQresultErrorField(result, stateField)),
            message: unsafe message(PQresultErrorField(result, messageField)), mayBeCommitted: mayBeCommitted)
    }

    private static func message(_ text: UnsafePointer<CChar>?) -> String {
        let text = unsafe text.map { unsafe String(cString: $0) } ?? ""
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

}

/// C strings, the last one followed by NULL.
@safe private struct CStrings: ~Copyable {
    private let copies: [UnsafePointer<CChar>?]

    init(_ strings: [String]) {
        unsafe copies = strings.map { unsafe UnsafePointer(strdup($0)) } + [nil]
    }

    deinit { unsafe copies.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }

    borrowing func withPointer<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result {
        unsafe body(copies)
    }
}
