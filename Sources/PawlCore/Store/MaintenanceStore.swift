/// What operators ask of the database itself. Nothing here holds up a turn for more than moments.
package protocol MaintenanceStore: Sendable {
    /// Takes or renews the 60-second housekeeping lease; returns whether this process holds it.
    func takeHousekeepingLease(at now: UnixTime) async throws(StoreError) -> Bool

    /// Settles the turns whose outcome this process could not learn, while it remembers them: call it every second or so.
    /// What cannot be settled now is left for the next call.
    func settleUnknownOutcomes(at now: UnixTime) async

    /// Breaks off what reads whole tables for an operator, since the server is about to stop.
    func breakOffReading()
    /// Refuses what waits for the database and what comes from now on. What is under way goes on.
    func refuseWaiting()

    /// Tries a statement of each kind that sessions need, on no row: a distributed database may refuse one of them, or
    /// have lost a part of the table.
    /// - Throws: what does not work, for the operator to read.
    func tryStatements() async throws(StoreError)

    func status() async throws(StoreError) -> DatabaseStatus

    /// Reads the whole database and looks for damage, until its task is cancelled.
    /// - Returns: what is wrong; empty if nothing is.
    func findDamage() async throws(StoreError) -> [String]

    /// The identifiers of an earlier version that stay as they are; where its tables are still to be brought up to date,
    /// those that will.
    func oldIdentifiers() async throws(StoreError) -> [OldIdentifier]

    /// How many passwords are sealed, by the key id of the master secret that did it.
    func passwordSeals() async throws(StoreError) -> [UInt8: Int]

    /// How many sessions that are live at `now` turned last, or began, within `span`.
    func countLiveSessions(turnedIn span: Range<UnixTime>, at now: UnixTime) async throws(StoreError) -> Int

    /// Writes a copy of the database to the new file at `path`, absolute, which only this user may read: complete and
    /// checked when this returns, absent if it throws or the process ends. The copy holds all that was acknowledged
    /// before; turns go on meanwhile.
    /// - Parameter progress: called between steps.
    func backup(
        to path: String, progress: @Sendable (BackupProgress) async -> Void
    ) async throws(BackupError) -> BackupSummary
}

extension MaintenanceStore {
    /// Nothing, where every outcome is known.
    package func settleUnknownOutcomes(at now: UnixTime) async {}
    /// Nothing, where reading ends soon anyway.
    package func breakOffReading() {}
    /// Nothing, where the store is in this process.
    package func refuseWaiting() {}
}

/// A database as its operator sees it.
package struct DatabaseStatus: Sendable {
    /// Such as `SQLite`.
    package let kind: String
    package let version: String
    /// Where it is; nil for one that is in no file of this machine.
    package let path: String?
    package let bytes: Int64
    /// What is in its journal and not yet in the database itself.
    package let journalBytes: Int64
    /// Whether what is acknowledged survives loss of power.
    package let isDurable: Bool
    package let migrations: [AppliedMigration]
    /// All that are kept, those that ended a while ago too.
    package let sessions: Int
    package let users: Int
    /// The newest moment that the database has seen; nil for an empty one.
    package let newestTime: UnixTime?

    package init(
        kind: String, version: String, path: String?, bytes: Int64, journalBytes: Int64, isDurable: Bool,
        migrations: [AppliedMigration], sessions: Int, users: Int, newestTime: UnixTime?
    ) {
        self.kind = kind
        self.version = version
        self.path = path
        self.bytes = bytes
        self.journalBytes = journalBytes
        self.isDurable = isDurable
        self.migrations = migrations
        self.sessions = sessions
        self.users = users
        self.newestTime = newestTime
    }
}

/// A step of the schema.
package struct AppliedMigration: Sendable, Equatable {
    package let name: String
    /// Nil if it is still to be applied.
    package let appliedAt: UnixTime?

    package init(name: String, appliedAt: UnixTime?) {
        self.name = name
        self.appliedAt = appliedAt
    }
}

/// How far a backup is.
package enum BackupProgress: Sendable, Equatable {
    case copying(done: Int64, of: Int64)
    case checking
}

/// A finished backup.
package struct BackupSummary: Sendable, Equatable {
    package let bytes: Int64
    package let sessions: Int

    package init(bytes: Int64, sessions: Int) {
        self.bytes = bytes
        self.sessions = sessions
    }
}

/// Why there is no backup, and what to do: for the operator to read.
package struct BackupError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
