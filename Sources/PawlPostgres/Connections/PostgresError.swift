import PawlCore

/// What went wrong at the database, and what may be done about it.
struct PostgresError: Error {
    enum Kind: Sendable, Equatable {
        /// It cannot be reached, or was lost before anything was committed: nothing has happened.
        case away
        /// It was lost, or gave a warning, while it committed: whether it did is not known.
        case inDoubt
        /// It met another transaction, and can be run again.
        case conflict
        /// Anything else that the database says no to: nothing has happened.
        case refused
    }

    let kind: Kind
    /// Whether it waited for a lock for longer than it was meant to.
    var isLockTimeout = false
    /// For the log: holds no row's content.
    let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// - Parameters:
    ///   - state: the SQLSTATE.
    ///   - message: the primary message, which names tables and limits, but can quote a value where data are wrong.
    init(state: String, message: String, mayBeCommitted: Bool) {
        let says = ["22", "23"].contains(state.prefix(2)) ? "" : " \(message)"
        isLockTimeout = state == "55P03"
        description = "PostgreSQL: \(state)\(says). \(Self.advice(on: state))"
        kind =
            switch state {
            case "40001", "40P01": .conflict
            // A server that shuts down, and one that has become a standby: another may have taken its place.
            case "57P01", "57P02", "57P03", "25006", "": mayBeCommitted ? .inDoubt : .away
            case _ where state.hasPrefix("08"): mayBeCommitted ? .inDoubt : .away
            default: .refused
            }
    }

    /// Whether the connection is of no more use.
    var endsConnection: Bool { kind == .away || kind == .inDoubt }

    private static func advice(on state: String) -> String {
        switch state {
        case "57014": "A statement took too long: look at the database's load and locks."
        case "55P03", "40P01", "40001": "It waited for another transaction."
        case "53100": "Make room on the database's disk."
        case "53300": "Raise max_connections, or lower database-connections."
        case "42501": "The role needs the right to create and use tables in its schema."
        case "42P01", "42703": "A table or column is missing: are the migrations applied?"
        case "25006": "The database only reads: it is a standby, or has become one."
        default: "Look at PostgreSQL's log."
        }
    }
}

extension StoreError {
    init(_ error: PostgresError) {
        self.init(error.description)
    }

    /// Of what a function of this store throws.
    init(hiding error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let error as PostgresError: self.init(error)
        case is CancellationError: self.init("The caller went away.")
        default: self.init("PostgreSQL: \(type(of: error))")
        }
    }
}

/// Why the database cannot be opened, and what to do.
public struct PostgresStoreError: Error, CustomStringConvertible {
    /// What went wrong, and what to do. Holds no password.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
