package import PawlCore
import PawlSQL

extension PostgresStore {
    package func tryStatements() async throws(StoreError) {
        do {
            try await pool.transaction(Self.tryStatements)
        } catch {
            throw StoreError("A statement on the sessions does not work. \(StoreError(hiding: error))")
        }
    }

    /// The statements of rotations, of the slow path, of sign-ins, of endings and of housekeeping, for a session and a user
    /// that nobody has.
    private static func tryStatements(on connection: Connection) throws {
        let zeros = [UInt8](repeating: 0, count: SessionID.length)
        guard let nobody = SessionID(bytes: zeros), let noUser = SubjectID(bytes: zeros) else { return }
        let start = UnixTime(seconds: 0)
        try connection.execute(RotationStatement.sql, RotationStatement.parameters([]))
        _ = try fetch(nobody, locked: true, on: connection)
        _ = try fetchIDs(.all(of: noUser), on: connection)
        try connection.insert([], into: SessionRow.table, SessionRow.table.replacing)
        _ = try end(.one(nobody), SessionEnding(.revoked, at: start, origin: nil), on: connection)
        try copyRoles([], scope: [], to: [nobody], on: connection)
        _ = try fetchSlice(after: nil, limit: 1, on: connection)
        try connection.execute(deleteStatement, [.ids([nobody]), .time(start)])
    }
}
