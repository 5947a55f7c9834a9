import CLibPQ
import PawlCore
import PawlSQL

/// What a statement answered, in binary format.
@safe final class Rows: RandomAccessCollection {
    private let result: OpaquePointer

    /// Takes the result over.
    init(_ result: OpaquePointer) {
        unsafe self.result = result
    }

    deinit { unsafe PQclear(result) }

    var startIndex: Int { 0 }
    var endIndex: Int { Int(unsafe PQntuples(result)) }

    /// How many rows were inserted, changed or deleted.
    var affected: Int { unsafe PQcmdTuples(result).map { unsafe Int(String(cString: $0)) ?? 0 } ?? 0 }
    /// Such as `COMMIT`.
    var tag: String { unsafe PQcmdStatus(result).map { unsafe String(cString: $0) } ?? "" }

    subscript(index: Int) -> Row { Row(rows: self, index: Int32(index)) }

    /// A row of it. Columns are bigint, text, bytea or uuid.
    struct Row: Columns {
        let rows: Rows
        let index: Int32

        func isNull(_ column: Int) -> Bool { unsafe PQgetisnull(rows.result, index, Int32(column)) == 1 }

        func bytes(_ column: Int) -> [UInt8] {
            let count = unsafe PQgetlength(rows.result, index, Int32(column))
            guard count > 0, let start = unsafe PQgetvalue(rows.result, index, Int32(column)) else { return [] }
            return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(count)))
        }

        func text(_ column: Int) -> String {
            let count = unsafe PQgetlength(rows.result, index, Int32(column))
            guard count > 0, let start = unsafe PQgetvalue(rows.result, index, Int32(column)) else { return "" }
            return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: Int(count)), as: UTF8.self)
        }

        func integer(_ column: Int) -> Int64? {
            let count = unsafe PQgetlength(rows.result, index, Int32(column))
            guard count == 8, let start = unsafe PQgetvalue(rows.result, index, Int32(column)) else { return nil }
            return Int64(bigEndian: unsafe UnsafeRawPointer(start).loadUnaligned(as: Int64.self))
        }
    }
}
