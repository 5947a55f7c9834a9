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
    /// Whether the next statement opens a transaction.
    private var opensTransaction = false
    /// What the server warned of since the last statement began.
    private var warning: String?
    /// How long a statement may take: a little longer than the server itself allows.
    var patience: Duration = .seconds(12)

    /// Milliseconds that the server gives a statement, and a transaction whose client says nothing.
    private static let timeouts = [("statement_timeout", 10_000), ("idle_in_transaction_session_timeout", 20_000)]

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
            throw PostgresError(
                .away, "PostgreSQL cannot be reached: \(reason)\(isAboutVerifying ? advice : "")")
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
        // Whatever is read after a lock was had must be what the lock was waited for.
        try execute("SET default_transaction_isolation = 'read committed'")
        // Unless the connection string, the role or the database sets them.
        for (name, milliseconds) in Self.timeouts {
            try execute(
                "SELECT set_config('\(name)', '\(milliseconds)', false) WHERE current_setting('\(name)') = '0'")
        }
    }

    deinit { unsafe PQfinish(handle) }

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

    /// Several statements in one text, without parameters: for the schema.
    func executeScript(_ sql: String) throws(PostgresError) {
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
        let milliseconds = Int32(
            clamping: max(0, left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000))
        let ready = unsafe poll(&descriptor, 1, milliseconds)
        if ready < 0 && errno == EINTR { return }
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
