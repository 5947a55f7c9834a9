/// What only one transaction at a time may do, whichever node it comes from. Held until its end.
enum AdvisoryLock: Int32 {
    case migrations = 1
    case keys = 2
    /// Shared by all that record events; alone for a reader who goes by their numbers.
    case events = 3

    /// Tells Pawl's locks from those of others in the same database.
    static let space: Int32 = 0x7061_776C

    func take(on connection: Connection) throws(PostgresError) {
        try connection.execute("SELECT pg_advisory_xact_lock($1, $2)::text", [.number(Self.space), .number(rawValue)])
    }
}
