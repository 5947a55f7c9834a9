import Foundation
import GRDB
import PawlCore

/// The columns of a session in the one order that all statements use.
enum SessionRow {
    static let columns = """
        id, subject, client_id, delivery, created_at, absolute_expires_at, auth_time, amr, scope, roles, device, ip, \
        user_agent, generation, hash, seal, attempt_1, attempt_2, attempt_3, attempt_4, rotated_at, idle_expires_at, \
        step_up_failures, ended_at, end_reason, turned_by, recovered_at
        """
    static let placeholders = Array(repeating: "?", count: columns.split(separator: ",").count).joined(separator: ", ")

    static func decode(_ row: some Columns) throws -> Session {
        guard let id = SessionID(bytes: row.bytes(0)), let subject = SubjectID(bytes: row.bytes(1)),
            let delivery = Delivery(rawValue: row.text(3)), let generation = row.integer(13)
        else { throw StoreError("A row of sessions cannot be read.") }
        return Session(
            id: id, subject: subject, clientID: row.text(2), delivery: delivery, createdAt: row.time(4),
            absoluteExpiry: row.time(5), authTime: row.time(6), authMethods: row.words(7), scope: row.words(8),
            roles: row.words(9), device: row.text(10), origin: Origin(address: row.text(11), userAgent: row.text(12)),
            generation: UInt32(truncatingIfNeeded: generation), hash: row.bytes(14), seal: row.bytes(15),
            attempts: (16..<20).map { row.integer($0).map { AttemptDigest(value: UInt64(bitPattern: $0)) } },
            rotatedAt: row.time(20), idleExpiry: row.time(21), stepUpFailures: Int(row.integer(22) ?? 0),
            ending: row.optionalTime(23).map {
                Session.Ending(at: $0, reason: EndReason(rawValue: row.text(24)) ?? .revoked)
            }, turnedBy: Operation(rawValue: row.text(25)) ?? .refresh,
            recoveredAt: row.optionalTime(26))
    }

    static func arguments(_ session: Session) -> StatementArguments {
        var arguments: StatementArguments = [
            session.id.data, session.subject.data, session.clientID, session.delivery.rawValue,
            session.createdAt.seconds, session.absoluteExpiry.seconds, session.authTime.seconds,
            session.authMethods.joined(separator: " "), session.scope.joined(separator: " "),
            session.roles.joined(separator: " "), session.device, session.origin.address, session.origin.userAgent,
            Int64(session.generation), session.hash.data, session.seal.data,
        ]
        arguments += StatementArguments(session.attempts.map(\.column))
        arguments += [
            session.rotatedAt.seconds, session.idleExpiry.seconds, session.stepUpFailures, session.ending?.at.seconds,
            session.ending?.reason.rawValue, session.turnedBy.rawValue, session.recoveredAt?.seconds,
        ]
        return arguments
    }
}

/// A row by the place of its columns: GRDB's, or a statement of SQLite's own interface.
protocol Columns {
    func integer(_ index: Int) -> Int64?
    func text(_ index: Int) -> String
    func bytes(_ index: Int) -> [UInt8]
}

extension Columns {
    func time(_ index: Int) -> UnixTime { optionalTime(index) ?? UnixTime(seconds: 0) }
    /// Within the years that can be written and reckoned with, whatever a disk has made of it.
    func optionalTime(_ index: Int) -> UnixTime? {
        integer(index).map { UnixTime(seconds: min(max($0, 0), 253_402_300_799)) }
    }
    func words(_ index: Int) -> [String] { text(index).split(separator: " ").map(String.init) }
}

extension Row: Columns {
    // By way of the value as it is stored: GRDB's own conversion stops the process at a value of another type, and a
    // disk may have damaged it.
    func integer(_ index: Int) -> Int64? { Int64.fromDatabaseValue(self[index]) }
    func text(_ index: Int) -> String { String.fromDatabaseValue(self[index]) ?? "" }
    func bytes(_ index: Int) -> [UInt8] { Data.fromDatabaseValue(self[index]).map { [UInt8]($0) } ?? [] }
}

extension AttemptDigest? {
    var column: Int64? { map { Int64(bitPattern: $0.value) } }
}

extension RandomID {
    var data: Data { Data(bytes) }
}

extension [UInt8] {
    var data: Data { Data(self) }
}
