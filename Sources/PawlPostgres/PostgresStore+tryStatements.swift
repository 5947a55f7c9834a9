package import PawlCore
import PawlSQL

extension PostgresStore {
    package func tryStatements() async throws(StoreError) {
        for (name, statement) in Self.statements {
            do {
                try await pool.transaction(statement)
            } catch {
                throw StoreError("The statement that \(name) does not work. \(StoreError(hiding: error))")
            }
        }
    }

    /// Each kind of statement on sessions, by what it does, for a session and a user that nobody has.
    private static let statements: [(name: String, run: @Sendable (Connection) throws -> Void)] = {
        let zeros = [UInt8](repeating: 0, count: SessionID.length)
        guard let nobody = SessionID(bytes: zeros), let noUser = SubjectID(bytes: zeros) else { return [] }
        let start = UnixTime(seconds: 0)
        return [
            ("turns sessions", { try $0.execute(RotationStatement.sql, RotationStatement.parameters([])) }),
            ("locks a session", { _ = try fetch(nobody, locked: true, on: $0) }),
            ("starts sessions", { try $0.insert([], into: SessionRow.table, SessionRow.table.replacing) }),
            ("finds a user's sessions", { _ = try fetchIDs(.all(of: noUser), on: $0) }),
            ("lists a user's sessions", { _ = try fetchLive(of: noUser, after: nil, limit: 1, at: start, on: $0) }),
            (
                "finds the sessions that were used least recently",
                { _ = try fetchLeastRecentlyUsed(of: noUser, beyond: 0, sparing: nil, limit: 1, at: start, on: $0) }
            ),
            (
                "ends sessions",
                { _ = try end(.one(nobody), SessionEnding(.revoked, at: start, origin: nil), on: $0) }
            ),
            ("copies roles into sessions", { try copyRoles([], scope: [], to: [nobody], on: $0) }),
            ("settles turns of unknown outcome", { try settle([], at: start, on: $0) }),
            ("reads sessions in slices", { _ = try fetchSlice(after: nil, limit: 1, on: $0) }),
            ("deletes sessions", { try $0.execute(deleteStatement, [.ids([nobody]), .time(start)]) }),
        ]
    }()
}
