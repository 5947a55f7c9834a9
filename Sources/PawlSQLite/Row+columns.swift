import Foundation
import GRDB
import PawlCore
import PawlSQL

extension Row: Columns {
    // By way of the value as it is stored: GRDB's own conversion stops the process at a value of another type, and a
    // disk may have damaged it.
    package func isNull(_ index: Int) -> Bool { (self[index] as DatabaseValue).isNull }
    package func integer(_ index: Int) -> Int64? { Int64.fromDatabaseValue(self[index]) }
    package func text(_ index: Int) -> String { String.fromDatabaseValue(self[index]) ?? "" }
    package func bytes(_ index: Int) -> [UInt8] { Data.fromDatabaseValue(self[index]).map { [UInt8]($0) } ?? [] }
}

extension StatementArguments {
    init(_ values: [ColumnValue]) {
        self.init(values.map(\.databaseValue))
    }
}

extension ColumnValue {
    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .integer(let value): value.databaseValue
        case .text(let text): text.databaseValue
        case .bytes(let bytes): Data(bytes).databaseValue
        case .id(let bytes): bytes.map { Data($0) }.databaseValue
        }
    }
}

extension RandomID {
    var data: Data { Data(bytes) }
}

extension [UInt8] {
    var data: Data { Data(self) }
}
