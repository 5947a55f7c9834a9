import Logging
import PawlCore
import Synchronization

/// The time that all servers on one database go by: the database's own. Between two looks at it a clock that nobody can
/// set carries it on, so it makes no difference what this machine's clock says, or whether somebody sets it.
///
/// The database's clock may be set as well, or a failover may bring another one. Then two of three decide: it is followed
/// if this machine's clock agrees with it. Otherwise nobody can tell which one is wrong, and until two agree nothing is
/// done that rests on time.
final class DatabaseTime: Sendable {
    /// What is known of the three clocks; times in seconds since 1970.
    struct Bearings: Equatable, Sendable {
        /// The database's time when the uptime was 0; nil before the first look.
        var origin: Double?
        var isDisputed = false
        var isMachineOff = false
        /// By how many seconds the database's clock was found to have jumped at the last look.
        var jump = 0.0

        /// - Parameters:
        ///   - database: what the database's clock said when this one had been up for `uptime`.
        ///   - precision: how exactly that is known; a smaller difference is not corrected.
        ///   - machine: what the machine's clock said before and after. The database may have read its own at any moment
        ///     between, long before its answer came.
        mutating func look(_ database: Double, at uptime: Double, precision: Double, machine: ClosedRange<Double>) {
            jump = origin.map { database - ($0 + uptime) } ?? 0
            let difference = max(machine.lowerBound - database, database - machine.upperBound, 0)
            isMachineOff = difference > DatabaseTime.tellingBound
            isDisputed = abs(jump) > DatabaseTime.bound && difference > DatabaseTime.bound
            if origin == nil || (abs(jump) > precision && !isDisputed) { origin = database - uptime }
        }
    }

    /// Seconds by which the database's clock may be corrected without another one's word.
    static let bound = 60.0
    /// How far this machine's clock may be off the database's, in seconds, before that is told.
    static let tellingBound = 2.0
    /// Looks do not differ by less, in seconds.
    private static let precision = 0.1

    private let machine: WallClock
    private let uptime: @Sendable () -> Double
    private let logger: Logger
    private let bearings = Mutex(Bearings())

    init(
        machine: WallClock = .system, uptime: @escaping @Sendable () -> Double = DatabaseTime.steadySeconds,
        logger: Logger
    ) {
        self.machine = machine
        self.uptime = uptime
        self.logger = logger
    }

    private static let start = ContinuousClock.now
    static let steadySeconds: @Sendable () -> Double = { (ContinuousClock.now - start) / .seconds(1) }

    /// The database's time.
    var clock: WallClock {
        WallClock {
            self.now
        } uptime: {
            Int64(self.uptime())
        }
    }

    private var now: UnixTime {
        guard let origin = bearings.withLock({ $0.origin }) else { return machine.now }
        return UnixTime(seconds: Int64((origin + uptime()).rounded(.down)))
    }

    /// - Throws: while nobody can tell what time it is.
    func check() throws(StoreError) {
        if bearings.withLock({ $0.isDisputed }) { throw StoreError(Self.disputed) }
    }

    private static let disputed = """
        The database's clock has jumped, and this machine's clock does not agree with it. Set the clock that is wrong.
        """

    /// - Throws: if this machine's clock is not about the database's. Its time does not count, but it should be set.
    func checkMachine() throws(StoreError) {
        let difference = machine.now.seconds - now.seconds
        if bearings.withLock({ $0.isMachineOff }) { throw StoreError(Self.machineOff(by: difference)) }
    }

    static func machineOff(by difference: Int64) -> String {
        """
        This machine's clock is \(abs(difference)) s \(difference < 0 ? "behind" : "ahead of") the database's: keep both \
        in step by NTP.
        """
    }

    /// Runs a statement whose first column is the database's time as text, and takes note of it.
    func read(on connection: Connection, _ sql: String, commits: Bool = false) throws -> Rows {
        let asked = moment
        let rows = try connection.execute(sql, commits: commits)
        let answered = moment
        guard let database = rows.first.flatMap({ Double($0.text(0)) }) else {
            throw StoreError("The database does not say what time it is.")
        }
        note(database, asked: asked, answered: answered)
        return rows
    }

    /// What this process's clocks say; the machine's counts whole seconds.
    typealias Moment = (uptime: Double, machine: UnixTime)

    private var moment: Moment { (uptime(), machine.now) }

    func note(_ database: Double, asked: Moment, answered: Moment) {
        // It may be set back meanwhile.
        let machine =
            Double(
                min(asked.machine, answered.machine).seconds)...Double(
                max(asked.machine, answered.machine).seconds + 1)
        let (before, after) = bearings.withLock { bearings in
            let before = bearings
            bearings.look(
                database, at: (asked.uptime + answered.uptime) / 2,
                precision: max(Self.precision, answered.uptime - asked.uptime), machine: machine)
            return (before, bearings)
        }
        tell(before, after, machineAhead: Int64((machine.upperBound - database).rounded()))
    }

    /// When something begins, and when it ends.
    private func tell(_ before: Bearings, _ after: Bearings, machineAhead: Int64) {
        let metadata: Logger.Metadata = [
            "jump": "\(Int64(after.jump.rounded())) s", "machine_ahead": "\(machineAhead) s",
        ]
        func log(_ level: Logger.Level, _ event: String, _ message: Logger.Message) {
            logger.log(level: level, message, metadata: metadata.merging(["event": .string(event)]) { $1 })
        }
        if after.isDisputed && !before.isDisputed {
            log(
                .error, "clock_disputed",
                """
                \(Self.disputed) Until then, what rests on time is answered by 503, nobody is signed out, and nothing is \
                deleted
                """)
        } else if before.isDisputed && !after.isDisputed {
            log(.notice, "clock_settled", "The clocks agree again")
        } else if !after.isDisputed && abs(after.jump) > Self.bound {
            log(.warning, "clock_jumped", "The database's clock has jumped, and this machine's clock agrees with it")
        }
        if after.isMachineOff && !before.isMachineOff {
            log(
                .warning, "clock_off",
                "\(Self.machineOff(by: machineAhead)) Pawl goes by the database's clock; /readyz is 503 meanwhile")
        } else if before.isMachineOff && !after.isMachineOff {
            log(.notice, "clock_right", "This machine's clock agrees with the database's")
        }
    }

    /// The first look decides without a history of this process. Of a database and a machine that disagree, the one is
    /// believed that is nearer to when a server was last there.
    /// - Throws: ``PostgresStoreError`` if that is the machine: then the database's clock may be the wrong one.
    static func checkStart(database: UnixTime, machine: UnixTime, lastSign: UnixTime?) throws {
        guard let lastSign, abs(machine.seconds - database.seconds) > Int64(bound),
            abs(machine.seconds - lastSign.seconds) < abs(database.seconds - lastSign.seconds)
        else { return }
        throw PostgresStoreError(
            """
            The database's clock says \(database.rfc3339), this machine's clock says \(machine.rfc3339), and a server last \
            used the database at \(lastSign.rfc3339). Set the clock that is wrong, and start again.
            """)
    }
}
