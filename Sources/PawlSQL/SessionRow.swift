package import PawlCore

/// The row of a session.
package enum SessionRow {
    package enum Column: Int, TableColumn {
        case id, subject, clientID, delivery, createdAt, absoluteExpiresAt, authTime, amr, scope, roles, device, ip,
            userAgent, generation, hash, seal, attempt1, attempt2, attempt3, attempt4, rotatedAt, idleExpiresAt,
            stepUpFailures, endedAt, endReason, turnedBy, recoveredAt, currentAttempt

        package var kind: TableShape.Kind {
            switch self {
            case .id, .subject: .id
            case .clientID, .delivery, .amr, .scope, .roles, .device, .ip, .userAgent, .endReason, .turnedBy: .text
            case .hash, .seal: .bytes
            case .createdAt, .absoluteExpiresAt, .authTime, .generation, .attempt1, .attempt2, .attempt3, .attempt4,
                .rotatedAt, .idleExpiresAt, .stepUpFailures, .endedAt, .recoveredAt, .currentAttempt:
                .integer
            }
        }
    }

    package static let table = TableShape(name: "sessions", Column.self)
    package static let names = table.names
    package static let list = table.list

    private static let attempts: [Column] = [.attempt1, .attempt2, .attempt3, .attempt4]

    package static func decode(_ row: some Columns) throws -> Session {
        guard let id = SessionID(bytes: row.bytes(at(.id))), let subject = SubjectID(bytes: row.bytes(at(.subject))),
            let delivery = Delivery(rawValue: row.text(at(.delivery))),
            let generation = row.integer(at(.generation)).flatMap({ UInt32(exactly: $0) })
        else { throw StoreError("A row of sessions cannot be read.") }
        let chain = Session.Chain(
            generation: generation, hash: row.bytes(at(.hash)), seal: row.bytes(at(.seal)),
            attempts: attempts.map { row.attempt(at($0)) },
            currentAttempt: row.attempt(at(.currentAttempt)), rotatedAt: row.time(at(.rotatedAt)),
            turnedBy: TurnKind(rawValue: row.text(at(.turnedBy))) ?? .refresh,
            recoveredAt: row.optionalTime(at(.recoveredAt)))
        let ending = row.optionalTime(at(.endedAt)).map {
            Session.Ending(at: $0, reason: EndReason(rawValue: row.text(at(.endReason))) ?? .revoked)
        }
        return Session(
            id: id, subject: subject, clientID: row.text(at(.clientID)), delivery: delivery,
            createdAt: row.time(at(.createdAt)),
            deadlines: .init(absolute: row.time(at(.absoluteExpiresAt)), idle: row.time(at(.idleExpiresAt))),
            proof: .init(time: row.time(at(.authTime)), methods: row.words(at(.amr))), scope: row.words(at(.scope)),
            roles: row.words(at(.roles)), device: row.text(at(.device)),
            origin: Origin(address: row.text(at(.ip)), userAgent: row.text(at(.userAgent))), chain: chain,
            stepUpFailures: Int(row.integer(at(.stepUpFailures)) ?? 0), ending: ending)
    }

    private static func at(_ column: Column) -> Int { column.rawValue }

    package static func values(_ session: Session) -> [ColumnValue] {
        Column.allCases.map { value(of: $0, in: session) }
    }

    private static func value(of column: Column, in session: Session) -> ColumnValue {
        let chain = session.chain
        return switch column {
        case .id: .init(session.id)
        case .subject: .init(session.subject)
        case .clientID: .text(session.clientID)
        case .delivery: .text(session.delivery.rawValue)
        case .createdAt: .init(session.createdAt)
        case .absoluteExpiresAt: .init(session.deadlines.absolute)
        case .authTime: .init(session.proof.time)
        case .amr: .init(session.proof.methods)
        case .scope: .init(session.scope)
        case .roles: .init(session.roles)
        case .device: .text(session.device)
        case .ip: .text(session.origin.address)
        case .userAgent: .text(session.origin.userAgent)
        case .generation: .integer(Int64(chain.generation))
        case .hash: .bytes(chain.hash)
        case .seal: .bytes(chain.seal)
        case .attempt1: .integer(chain.attempts[0].column)
        case .attempt2: .integer(chain.attempts[1].column)
        case .attempt3: .integer(chain.attempts[2].column)
        case .attempt4: .integer(chain.attempts[3].column)
        case .rotatedAt: .init(chain.rotatedAt)
        case .idleExpiresAt: .init(session.deadlines.idle)
        case .stepUpFailures: .integer(Int64(session.stepUpFailures))
        case .endedAt: .init(session.ending?.at)
        case .endReason: .text(session.ending?.reason.rawValue)
        case .turnedBy: .text(chain.turnedBy.rawValue)
        case .recoveredAt: .init(chain.recoveredAt)
        case .currentAttempt: .integer(chain.currentAttempt.column)
        }
    }
}

extension SessionEnding {
    /// The events of ended sessions, in the order of their ids.
    /// - Parameter rows: id and subject of each.
    package func events(of rows: some Sequence<some Columns>) throws -> [Event] {
        try rows.map { row in
            guard let id = SessionID(bytes: row.bytes(0)), let subject = SubjectID(bytes: row.bytes(1)) else {
                throw StoreError("A row of sessions cannot be read.")
            }
            return (id: id, event: event(for: id, of: subject))
        }.sorted { $0.id < $1.id }.map(\.event)
    }
}
