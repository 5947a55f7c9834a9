import PawlTesting

@testable import PawlCore

/// A world small enough to try every interleaving of it against the real ``RotationPolicy``.
///
/// One session. An owner with one jar (cookie jar or app storage) and two request slots (two tabs); a request given up
/// lingers in the network as a ghost that may still arrive, its answer dropped. A crash of the owner's machine puts
/// back the token before the last answer, but not the attempt's name, which is kept durably until the next replaces
/// it; after a crash and after a page's death the first refresh repeats the kept name, and so does every next one until a
/// request of that name has turned the session. A thief may copy the jar's token
/// once, at any moment. The network loses and delays, and the leeway may run out at any moment, and then the minute in
/// which the attempt of the last turn gets its token again. ``RestoredCookieWorld`` has the wider crashes.
struct SmallWorld {
    enum Owner { case named, unnamed }

    var owner = Owner.named
    /// Whether the owner ignores answers older than what the jar holds.
    var ignoresLateAnswers = true
    /// How many rotations' names the server remembers; at most the real number.
    var remembered = Session.Chain.rememberedAttempts
    var policy = RotationPolicy()
    var generations: UInt8 = 3
    var attempts: UInt8 = 5
    /// Whether the owner repeats a name until a request of it has turned the session.
    var repeatsUntilTurned = true

    typealias Name = UInt8
    static let noName: Name = 0
    static let thiefsName: Name = 9
    static let noGeneration: UInt8 = .max

    /// A request or an answer under way.
    struct Message: Hashable {
        enum Kind: UInt8 { case none, request, answer }
        var kind = Kind.none
        var generation = SmallWorld.noGeneration
        var name = SmallWorld.noName
        /// Whether an answer says that an earlier request got its token already.
        var isRepeated = false

        static let none = Message()
        static func request(_ generation: UInt8, _ name: Name) -> Self {
            .init(kind: .request, generation: generation, name: name)
        }
        static func answer(_ answer: SmallServer.Answer, _ name: Name) -> Self {
            .init(kind: .answer, generation: answer.given, name: name, isRepeated: answer.isRepeated)
        }
        var isNone: Bool { kind == .none }
    }

    /// The session's row, reduced to what can differ here.
    struct Row: Hashable {
        var generation: UInt8 = 0
        /// Of the last turns, newest first.
        var names: [Name] = []
        /// Whether the last turn's leeway lasts.
        var isFresh = false
        /// Whether the attempt of the last turn gets its token again without a turn.
        var isYoung = false
        var ending: EndReason?
        var isDead: Bool { ending != nil }
    }

    struct State: Hashable {
        var row = Row()
        var jar: UInt8 = 0
        var pending = SmallWorld.noName
        var namesUsed: UInt8 = 0
        var slots = [Message.none, .none]
        var ghosts: [Message] = []
        var kept = SmallWorld.noName
        /// Whether the next attempt repeats the kept name, because no request of it has turned the session, as far as
        /// the owner knows. Another may be stuck with the same token.
        var isToBeRepeated = false
        /// What a crash may put back.
        var before = SmallWorld.noGeneration
        var stolen = SmallWorld.noGeneration
        var thiefsRequest = Message.none
        var hasThiefSent = false
        /// The first generation that is news to the thief; 0 before the theft.
        var news: UInt8 = 0
        var ownerGotNews = false
        var thiefGotNews = false
    }

    /// What must never be.
    enum Violation: String {
        case falseTheft = "an honest owner is signed out as a thief"
        case unnoticedTheft = "owner and thief both got a newer token, and nobody noticed"
    }

    static func violation(in state: State) -> Violation? {
        if state.row.isDead && !state.hasThiefSent { return .falseTheft }
        if state.ownerGotNews && state.thiefGotNews && !state.row.isDead { return .unnoticedTheft }
        return nil
    }
}

/// The server of these worlds: rows are turned into real sessions, judged by the real policy, and changed by the real
/// ``Session/turned(by:)`` and ``Session/ended(at:reason:)``.
final class SmallServer {
    private struct Question: Hashable {
        let row: SmallWorld.Row
        let generation: UInt8
        let name: SmallWorld.Name
    }

    private let policy: RotationPolicy
    private let remembered: Int
    private let isSteady: Bool
    private let template: Session
    private let now = Sample.start + 3600
    /// The policy is pure: what it said once it says again.
    private var known: [Question: Answer] = [:]
    private(set) var verdicts: Set<Verdict> = []

    /// - Parameters:
    ///   - remembered: how many rotations' names the server remembers; at most the real number.
    ///   - isSteady: whether it knows the name of the attempt that made the current token.
    init(_ policy: RotationPolicy, remembered: Int, isSteady: Bool = true) throws {
        self.policy = policy
        self.remembered = remembered
        self.isSteady = isSteady
        template = try Sample.session(of: try Sample.user("owner"), 1)
    }

    struct Answer {
        let verdict: Verdict
        /// Afterwards.
        let row: SmallWorld.Row
        /// The generation of the token given.
        let given: UInt8
        var isRepeated: Bool { verdict == .replay || verdict == .steady }
    }

    /// What becomes of a token of `generation`.
    func receive(_ generation: UInt8, _ name: SmallWorld.Name, on row: SmallWorld.Row) -> Answer {
        let question = Question(row: row, generation: generation, name: name)
        if let answer = known[question] { return answer }
        let session = session(row)
        let turn = turn(generation, name)
        let change = policy.apply(turn, to: session, in: .init())
        verdicts.insert(change.verdict)
        var given = SmallWorld.noGeneration
        if change.verdict == .rotate { given = row.generation + 1 }
        if change.verdict == .replay || change.verdict == .steady { given = row.generation }
        let after = change.changesSession ? change.session.map(self.row) ?? row : row
        let answer = Answer(verdict: change.verdict, row: after, given: given)
        known[question] = answer
        return answer
    }

    private static func hash(_ generation: UInt32) -> [UInt8] { [UInt8](repeating: UInt8(generation), count: 32) }

    private func session(_ row: SmallWorld.Row) -> Session {
        var session = template
        session.chain.generation = UInt32(row.generation)
        session.chain.hash = Self.hash(session.chain.generation)
        let digests = row.names.map { $0 == SmallWorld.noName ? nil : AttemptDigest(value: UInt64($0)) }
        session.chain.attempts =
            digests + Array(repeating: nil, count: Session.Chain.rememberedAttempts - digests.count)
        session.chain.currentAttempt = isSteady ? digests.first ?? nil : nil
        let age = row.isYoung ? policy.leeway + 1 : max(policy.leeway + 1, RotationPolicy.steadyTime)
        session.chain.rotatedAt = row.isFresh ? now : now - age
        session.ending = row.ending.map { Session.Ending(at: now, reason: $0) }
        return session
    }

    private func row(_ session: Session) -> SmallWorld.Row {
        let names = session.chain.attempts.map { $0.map { SmallWorld.Name($0.value) } ?? SmallWorld.noName }
        return SmallWorld.Row(
            generation: UInt8(session.chain.generation), names: Array(names.prefix(remembered)),
            isFresh: session.chain.rotatedAt == now, isYoung: session.chain.rotatedAt == now,
            ending: session.ending?.reason)
    }

    private func turn(_ generation: UInt8, _ name: SmallWorld.Name) -> Turn {
        let attempt = name == SmallWorld.noName ? nil : AttemptDigest(value: UInt64(name))
        return Turn(
            Presentation(
                sessionID: template.id, generation: UInt32(generation), hash: Self.hash(UInt32(generation)),
                issuedAt: now, isDistrusted: false, attempt: attempt, delivery: template.delivery, now: now,
                origin: template.origin),
            to: Successor(
                hash: Self.hash(UInt32(generation) + 1), seal: [], attempt: attempt, idleExpiry: now + Sample.idle))
    }
}
