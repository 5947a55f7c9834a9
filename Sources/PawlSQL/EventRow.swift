package import PawlCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The columns of an event, its number apart, in the one order that all statements of all SQL stores use.
package enum EventRow {
    package static let columns: [(name: String, kind: TableShape.Kind)] = [
        ("at", .integer), ("kind", .text), ("subject", .id), ("session", .id), ("ip", .text), ("user_agent", .text),
        ("details", .text), ("sum", .text),
    ]
    package static let names = columns.map(\.name)
    package static let list = names.joined(separator: ", ")

    /// - Returns: nil for a kind that a newer version wrote.
    package static func decode(_ row: some Columns) throws -> Event? {
        guard let kind = Event.Kind(rawValue: row.text(1)) else { return nil }
        return Event(
            kind, at: row.time(0), subject: SubjectID(bytes: row.bytes(2)), session: SessionID(bytes: row.bytes(3)),
            origin: row.isNull(4) ? nil : Origin(address: row.text(4), userAgent: row.text(5)),
            details: try JSONDecoder().decode([String: String].self, from: Data(row.text(6).utf8)))
    }

    package static func values(_ event: Event) throws -> [ColumnValue] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return [
            .init(event.at), .text(event.kind.rawValue), .init(event.subject), .init(event.session),
            .text(event.origin?.address), .text(event.origin?.userAgent),
            .text(String(decoding: try encoder.encode(event.details), as: UTF8.self)), .text(event.coalescingKey),
        ]
    }
}
