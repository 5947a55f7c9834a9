import Crypto
package import PawlCore

/// Copies an installation from one database to another, row by row as they are, so that nobody is signed out. What is
/// there already is compared and not written again: a move that was broken off goes on, and one that was made while a
/// server still served is brought up to date by another.
package struct InstallationCopy: Sendable {
    package struct Report: Sendable {
        package let table: String
        package var rows = 0
        /// Rows that were added, changed or removed.
        package var changes = 0
        /// Of all rows at the source, in the order of their keys.
        package var digest = ""
        /// Whether the target has the same.
        package var isSame = false
    }

    /// The two databases differ after the copy.
    package struct Mismatch: Error, CustomStringConvertible {
        package let description: String
    }

    private let source: any RowSource
    private let stopped: (any RowStore)?
    private let target: any CopyTarget
    /// Called with the number of rows that were looked at.
    private let progress: @Sendable (Int) -> Void

    private static let slice = 1000
    /// The setting of a database that was left.
    package static let moved = "moved"

    /// - Parameter stopped: the source, if no server serves it. Only then is it left for good, and the target released to
    ///   servers.
    package init(
        from source: any RowSource, stopped: (any RowStore)?, to target: any CopyTarget,
        progress: @escaping @Sendable (Int) -> Void
    ) {
        self.source = source
        self.stopped = stopped
        self.target = target
        self.progress = progress
    }

    /// How many rows ``run()`` looks at.
    package func count() async throws(StoreError) -> Int {
        var count = 0
        for table in TableShape.all { count += try await source.count(of: table) }
        return 2 * count
    }

    /// - Throws: ``Mismatch`` if nothing can change at the source any more, and still a table has not the same count and
    ///   digest on both sides.
    package func run() async throws -> [Report] {
        try await target.beginMove()
        var reports: [Report] = []
        var seen = 0
        for table in TableShape.all { reports.append(try await copy(table, &seen)) }
        for row in try await source.rows(of: .settings, after: nil, through: nil, limit: Self.slice)
        where row[0] == .text("recovery") {
            try await target.put([row], into: .settings)
        }
        for (place, table) in TableShape.all.enumerated() {
            let (rows, digest) = try await digest(of: table, at: target, &seen)
            reports[place].isSame = rows == reports[place].rows && digest == reports[place].digest
        }
        guard let stopped else { return reports }
        if let different = reports.first(where: { !$0.isSame }) {
            throw Mismatch(description: "\(different.table) is not the same in both databases after the copy.")
        }
        // In this order: two that served would be two histories of each session.
        try await stopped.put([[.text(Self.moved), .text("yes")]], into: .settings)
        try await target.endMove()
        return reports
    }

    private func copy(_ table: TableShape, _ seen: inout Int) async throws -> Report {
        var report = Report(table: table.name)
        var digest = SHA256()
        var cursor: ColumnValue?
        while true {
            let slice = try await source.rows(of: table, after: cursor, through: nil, limit: Self.slice)
            let last = slice.last?[0]
            let there = try await target.rows(of: table, after: cursor, through: last, limit: .max)
            let known = Dictionary(uniqueKeysWithValues: there.map { ($0[0], $0) })
            let keys = Set(slice.map { $0[0] })
            let gone = there.map { $0[0] }.filter { !keys.contains($0) }
            let changed = slice.filter { known[$0[0]] != $0 }
            try await target.remove(gone, from: table)
            try await target.put(changed, into: table)
            for row in slice { digest.update(row) }
            report.rows += slice.count
            report.changes += gone.count + changed.count
            seen += slice.count
            progress(seen)
            guard let last else { break }
            cursor = last
        }
        report.digest = Hex.encode([UInt8](digest.finalize()))
        return report
    }

    private func digest(
        of table: TableShape, at store: any RowSource, _ seen: inout Int
    ) async throws -> (rows: Int, digest: String) {
        var (count, digest, cursor) = (0, SHA256(), ColumnValue?.none)
        while true {
            let slice = try await store.rows(of: table, after: cursor, through: nil, limit: Self.slice)
            for row in slice { digest.update(row) }
            count += slice.count
            seen += slice.count
            progress(seen)
            guard let last = slice.last?[0] else { return (count, Hex.encode([UInt8](digest.finalize()))) }
            cursor = last
        }
    }
}

extension SHA256 {
    /// Each value with its kind and length, so that no two rows read alike.
    fileprivate mutating func update(_ row: [ColumnValue]) {
        for value in row {
            let bytes: [UInt8]? =
                switch value {
                case .integer(let value): value.map { bigEndian(UInt64(bitPattern: $0), count: 8) }
                case .text(let text): text.map { [UInt8]($0.utf8) }
                case .bytes(let bytes): bytes
                case .id(let bytes): bytes
                }
            update(data: bigEndian(UInt64(bytes.map { $0.count + 1 } ?? 0), count: 8))
            update(data: bytes ?? [])
        }
    }
}
