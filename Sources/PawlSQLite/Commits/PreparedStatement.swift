import GRDB
import GRDBSQLite
import PawlCore
import PawlSQL

/// A statement on SQLite's own interface over GRDB's connection, for the path of every refresh. To be used and released
/// on that connection's queue alone.
@safe final class PreparedStatement: Columns {
    private let statement: OpaquePointer

    init(_ sql: String, on db: Database) throws {
        var statement: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(
            db.sqliteConnection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement = unsafe statement else { throw Self.error(code) }
        unsafe self.statement = statement
    }

    deinit { unsafe sqlite3_finalize(statement) }

    /// Goes on to the next row.
    /// - Returns: whether there is one.
    func step() throws -> Bool {
        switch unsafe sqlite3_step(statement) {
        case SQLITE_ROW: true
        case SQLITE_DONE: false
        case let code: throw Self.error(code)
        }
    }

    /// Makes it ready to be run again.
    func reset() { unsafe sqlite3_reset(statement) }

    func bind(_ index: Int32, _ bytes: [UInt8]) throws {
        try check(unsafe sqlite3_bind_blob(statement, index, bytes, Int32(bytes.count), Self.transient))
    }

    func bind(_ index: Int32, _ text: String) throws {
        try check(unsafe sqlite3_bind_text(statement, index, text, -1, Self.transient))
    }

    func bind(_ index: Int32, _ value: Int64?) throws {
        if let value {
            try check(unsafe sqlite3_bind_int64(statement, index, value))
        } else {
            try check(unsafe sqlite3_bind_null(statement, index))
        }
    }

    func isNull(_ index: Int) -> Bool { unsafe sqlite3_column_type(statement, Int32(index)) == SQLITE_NULL }

    func integer(_ index: Int) -> Int64? {
        isNull(index) ? nil : unsafe sqlite3_column_int64(statement, Int32(index))
    }

    func text(_ index: Int) -> String {
        unsafe sqlite3_column_text(statement, Int32(index)).map { unsafe String(cString: $0) } ?? ""
    }

    func bytes(_ index: Int) -> [UInt8] {
        let count = unsafe sqlite3_column_bytes(statement, Int32(index))
        guard count > 0, let start = unsafe sqlite3_column_blob(statement, Int32(index)) else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(count)))
    }

    /// Tells SQLite to copy what it is given.
    private static var transient: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw Self.error(code) }
    }

    private static func error(_ code: Int32) -> DatabaseError {
        DatabaseError(resultCode: ResultCode(rawValue: code), message: "turning a session")
    }
}
