package import PawlCore
import Testing

/// What every store must do, as a suite to run against any of them:
///
/// ```swift
/// @Test(arguments: StoreConformance.all)
/// func `my store conforms`(check: StoreConformance.Check) async throws {
///     try await check.run(on: MyStore())
/// }
/// ```
///
/// Each check wants an empty store of its own, and reports what is wrong as issues of the running test.
package enum StoreConformance {
    package struct Check: Sendable, CustomTestStringConvertible {
        package let name: String
        private let body: @Sendable (any Store) async throws -> Void

        init(_ name: String, _ body: @escaping @Sendable (any Store) async throws -> Void) {
            self.name = name
            self.body = body
        }

        /// Runs it on an empty store.
        package func run(on store: any Store) async throws { try await body(store) }

        package var testDescription: String { name }
    }

    package static let all: [Check] =
        rotations + stepUps + races + recovery + sessions + accounts + throttling + keysAndEvents + maintenance
        + generatedRows
}

extension Sequence<Event> {
    /// The sessions whose ends are among these events.
    package var endedSessions: [SessionID] { filter { $0.endReason != nil }.compactMap(\.session) }
}

extension SessionStore {
    /// Turns a session where no writes were lost.
    package func rotate(_ turn: Turn, under policy: RotationPolicy) async throws(StoreError) -> Outcome {
        try await rotate(turn, under: policy, losses: [])
    }

    /// Starts a session, however many the user has.
    package func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, _ event: Event
    ) async throws(StoreError) -> Bool {
        try await startSession(session, ifUserVersionIs: userVersion, limit: .max, event) == .started(displaced: [])
    }

    /// Starts a session under a limit, outside of a sign-in.
    package func startSession(
        _ session: Session, ifUserVersionIs userVersion: Int64, limit: Int, _ event: Event
    ) async throws(StoreError) -> SessionStartResult {
        try await startSession(session, ifUserVersionIs: userVersion, limit: limit, releasing: nil, event)
    }

    /// Ends all of the selected sessions at once.
    @discardableResult
    package func end(_ selection: SessionSelection, _ ending: SessionEnding) async throws(StoreError) -> [SessionID] {
        try await end(selection, after: nil, limit: .max, ending).ended.endedSessions
    }

    package func liveSessions(of subject: SubjectID, at now: UnixTime) async throws(StoreError) -> [Session] {
        try await liveSessions(of: subject, after: nil, limit: .max, at: now)
    }
}

extension Store {
    /// Puts a user and sessions of theirs into the store.
    func put(_ user: User, _ sessions: Session...) async throws {
        let event = Event(.registered, at: user.createdAt, subject: user.id)
        #expect(try await addUser(user, event))
        for session in sessions {
            #expect(try await startSession(session, ifUserVersionIs: user.version, Sample.started(session)))
        }
    }

    /// All events but those of the preparation.
    func newEvents() async throws -> [Event] {
        let kinds = Set(Event.Kind.allCases).subtracting([.registered, .sessionStarted])
        return try await events(since: UnixTime(seconds: 0), kinds: kinds, limit: 100_000)
    }
}
