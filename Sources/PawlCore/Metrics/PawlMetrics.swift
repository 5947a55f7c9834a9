public import CoreMetrics
import Metrics

/// What Pawl counts and times: the one list of names, in Prometheus' style. Each is made once, so that counting costs
/// an addition.
public struct PawlMetrics: Sendable {
    private let factory: any MetricsFactory

    private let refreshes: [String: Counter]
    private let logins: [String: Counter]
    private let ended: [String: Counter]
    private let refused: [String: Counter]
    private let commitTime: Timer
    private let commitSize: Recorder
    private let passwordQueue: Meter
    private let passwordWait: Timer
    private let passwordTime: Timer
    private let keyAge: Meter
    private let recoveryState: Meter
    private let housekeepingEnd: Meter
    private let activeSessions: Meter
    private let process: ProcessMeters

    /// Verdicts as they are counted.
    enum Refresh: String, CaseIterable {
        case rotate, replay, steady, conflict, stale, reuse, diverged, lost, expired, revoked, invalid
        case wrongDelivery = "wrong_delivery"

        init(_ verdict: Verdict) {
            self =
                switch verdict {
                case .rotate: .rotate
                case .replay: .replay
                case .steady: .steady
                case .conflict: .conflict
                case .stale: .stale
                case .reuse: .reuse
                case .diverged: .diverged
                case .lost: .lost
                case .expired: .expired
                case .revoked: .revoked
                case .wrongDelivery: .wrongDelivery
                case .invalid: .invalid
                }
        }
    }

    enum Login: String, CaseIterable {
        case succeeded, failed, throttled, busy, unavailable

        init(_ error: SessionError) {
            self =
                switch error.code {
                case .invalidCredentials: .failed
                case .throttled: .throttled
                case .busy: .busy
                case .unavailable, .invalidRefreshToken, .sessionEnded, .refreshConflict, .sessionDiverged,
                    .wrongDelivery, .identifierTaken, .identifierRefused, .registrationClosed, .passwordRefused,
                    .wrongPassword,
                    .stepUpLocked, .insufficientAuthentication, .noSuchSession, .noSuchUser:
                    .unavailable
                }
        }
    }

    /// Kinds of refused requests that an operator should know of.
    package enum RefusedRequest: String, CaseIterable, Sendable {
        /// A browser sent it on behalf of a page that may not use this server.
        case crossSite = "cross_site"
        /// It was sent to `/admin` without a valid credential.
        case operatorCredential = "operator_credential"
        /// Its `Host` is not a name of the operations listener.
        case host
    }

    /// - Parameter factory: where they go; nowhere by default.
    public init(factory: any MetricsFactory = NOOPMetricsHandler.instance) {
        self.factory = factory
        func counters(_ label: String, _ dimension: String, _ values: [String]) -> [String: Counter] {
            Dictionary(
                uniqueKeysWithValues: values.map {
                    ($0, Counter(label: label, dimensions: [(dimension, $0)], factory: factory))
                })
        }
        refreshes = counters("pawl_refreshes_total", "verdict", Refresh.allCases.map(\.rawValue))
        logins = counters("pawl_logins_total", "outcome", Login.allCases.map(\.rawValue))
        ended = counters("pawl_sessions_ended_total", "reason", EndReason.allCases.map(\.rawValue))
        refused = counters("pawl_requests_refused_total", "reason", RefusedRequest.allCases.map(\.rawValue))
        commitTime = Timer(label: "pawl_commit_seconds", factory: factory)
        commitSize = Recorder(label: "pawl_commit_rotations", factory: factory)
        passwordQueue = Meter(label: "pawl_password_queue", factory: factory)
        passwordWait = Timer(label: "pawl_password_wait_seconds", factory: factory)
        passwordTime = Timer(label: "pawl_password_seconds", factory: factory)
        keyAge = Meter(label: "pawl_signing_key_age_seconds", factory: factory)
        recoveryState = Meter(label: "pawl_recovery_state", factory: factory)
        housekeepingEnd = Meter(label: "pawl_housekeeping_end_timestamp_seconds", factory: factory)
        activeSessions = Meter(label: "pawl_sessions_active", factory: factory)
        process = ProcessMeters(factory)
    }

    func count(_ refresh: Refresh) { refreshes[refresh.rawValue]?.increment() }
    func count(_ login: Login) { logins[login.rawValue]?.increment() }
    func countEnded(_ reason: EndReason) { ended[reason.rawValue]?.increment() }
    package func count(_ refused: RefusedRequest) { self.refused[refused.rawValue]?.increment() }

    /// One commit, of so many rotations.
    package func recordCommit(rotations: Int, took: Duration) {
        commitTime.recordNanoseconds(took.nanoseconds)
        commitSize.record(rotations)
    }

    /// One password, from its arrival until its hashing begins.
    package func recordPassword(waited: Duration) { passwordWait.recordNanoseconds(waited.nanoseconds) }

    /// One password, from its arrival to its hash.
    package func recordPassword(took: Duration) { passwordTime.recordNanoseconds(took.nanoseconds) }

    /// Passwords waiting or being hashed.
    package func setPasswordQueue(_ length: Int) { passwordQueue.set(length) }

    /// Age of the key that signs, in seconds.
    func setKeyAge(_ seconds: Int64) { keyAge.set(seconds) }

    /// What becomes of diverged tokens: 0 there is nothing to recover, 1 an incident waits for a decision, 2 a window is
    /// open.
    func setRecoveryState(_ state: Int64) { recoveryState.set(state) }

    /// A round of housekeeping is over, and met so many live sessions.
    func setHousekeepingEnd(_ now: UnixTime, activeSessions count: Int) {
        housekeepingEnd.set(now.seconds)
        activeSessions.set(count)
    }

    /// The version that runs, as a label of a gauge that is always 1.
    package func setBuild(version: String) {
        Meter(label: "pawl_build_info", dimensions: [("version", version)], factory: factory).set(1)
    }

    /// What the operating system says of the process, looked up when the metrics are read.
    package func setProcess(_ state: ProcessState) { process.set(state) }

    /// Times and counts the answers of one route, for a function that is called with each time and status.
    package func requestRecorder(_ route: String) -> @Sendable (Duration, Int) -> Void {
        let timer = Timer(label: "pawl_http_request_seconds", dimensions: [("route", route)], factory: factory)
        let answers = ["2xx", "3xx", "4xx", "5xx"].map {
            Counter(label: "pawl_http_answers_total", dimensions: [("route", route), ("status", $0)], factory: factory)
        }
        return { time, status in
            timer.recordNanoseconds(time.nanoseconds)
            let place = status / 100 - 2
            if answers.indices.contains(place) { answers[place].increment() }
        }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
