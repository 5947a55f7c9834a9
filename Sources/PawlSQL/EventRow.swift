package import PawlCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The row of an event, its number apart.
package enum EventRow {
    package enum Column: Int, TableColumn {
        case at, kind, subject, session, ip, userAgent, details, sum

        package var kind: TableShape.Kind {
            switch self {
            case .at: .integer
            case .subject, .session: .id
            case .kind, .ip, .userAgent, .details, .sum: .text
            }
        }
    }

    package static let shape = TableShape(name: "events", Column.self)
    package static let names = shape.names
    package static let list = shape.list

    /// - Returns: nil for a kind that a newer version wrote.
    package static func decode(_ row: some Columns) throws -> Event? {
        guard let kind = Event.Kind(rawValue: row.text(at(.kind))) else { return nil }
        let address = row.optionalText(at(.ip))
        return Event(
            kind, at: row.time(at(.at)), subject: SubjectID(bytes: row.bytes(at(.subject))),
            session: SessionID(bytes: row.bytes(at(.session))),
            origin: address.map { Origin(address: $0, userAgent: row.text(at(.userAgent))) },
            details: try JSONDecoder().decode([String: String].self, from: Data(row.text(at(.details)).utf8)))
    }

    private static func at(_ column: Column) -> Int { column.rawValue }

    package static func values(_ event: Event) throws -> [ColumnValue] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let details = String(decoding: try encoder.encode(event.details), as: UTF8.self)
        return Column.allCases.map { column in
            switch column {
            case .at: .init(event.at)
            case .kind: .text(event.kind.rawValue)
            case .subject: .init(event.subject)
            case .session: .init(event.session)
            case .ip: .text(event.origin?.address)
            case .userAgent: .text(event.origin?.userAgent)
            case .details: .text(details)
            case .sum: .text(event.coalescingKey)
            }
        }
    }
}
