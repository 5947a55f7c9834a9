import NIOCore
import NIOHTTP1
import PawlAPI
import PawlTerminal

/// Makes users and signs them in until there are enough sessions. Most of the time goes into Argon2, which is the
/// server's to spend: it hashes on half of its cores.
final class PreparationWorkload: Workload {
    private enum Work {
        case register(user: Int)
        case login(user: Int)
    }

    let method = HTTPMethod.POST
    private(set) var tokens = SessionTokens()
    /// Why it cannot go on.
    private(set) var failure: CommandError?

    /// More would only wait in the server's queue, and where that is full be sent away.
    private static let lanes = 32
    private let users: BenchUsers
    private let target: BenchTarget
    private let wanted: Int
    /// By user, the sign-ins that have not begun.
    private var remaining: [Int]
    private var isKnown: [Bool]
    private var registrations: [Int] = []
    /// A user stands here for each further sign-in that may be under way at once.
    private var logins: [Int] = []
    private var later: [(due: NIODeadline, work: Work)] = []
    private var current: [Work?]

    init(_ users: BenchUsers, sessions: Int, lanes: Int, target: BenchTarget) {
        self.users = users
        self.target = target
        wanted = sessions
        remaining = (0..<users.count).map { sessions / users.count + ($0 < sessions % users.count ? 1 : 0) }
        isKnown = Array(repeating: false, count: users.count)
        current = Array(repeating: nil, count: lanes)
        let all = Array((0..<users.count).reversed())
        if users.mayExist { logins = all } else { registrations = all }
    }

    func next(on lane: Int, into request: inout ByteBuffer) -> Step {
        guard failure == nil, lane < Self.lanes, tokens.count < wanted else { return .finish }
        returnPostponed()
        guard let work = take() else { return .wait(.milliseconds(20)) }
        current[lane] = work
        switch work {
        case .register(let user): request.writeBytes(users.request(PawlPath.register, user, target: target))
        case .login(let user): request.writeBytes(users.request(PawlPath.login, user, target: target))
        }
        return .send
    }

    private func take() -> Work? {
        if let user = registrations.popLast() {
            remaining[user] -= 1
            return .register(user: user)
        }
        while let user = logins.popLast() {
            guard remaining[user] > 0 else { continue }
            remaining[user] -= 1
            return .login(user: user)
        }
        return nil
    }

    func judge(_ answer: Answer, on lane: Int) -> Verdict {
        guard let work = current[lane] else { return .status(of: answer) }
        giveBack(work, succeeded: answer.status < 300)
        switch (work, answer.status) {
        case (.register(let user), 201), (.login(let user), 200):
            guard let token = answer.refreshToken else {
                failure = CommandError("The server answers without a refresh token. Is \(target) Pawl?")
                return .status(of: answer)
            }
            tokens.append(token)
            logins.append(contentsOf: Array(repeating: user, count: isKnown[user] ? 1 : BenchUsers.atOnce))
            isKnown[user] = true
            return .good
        case (.login(let user), 401) where !isKnown[user]:
            registrations.append(user)
        case (.register, 429):
            failure = CommandError(
                """
                The server takes no more registrations from this address for now. Start it with --network-failures 0, \
                or give --users or --seed of an earlier run.
                """)
        case (_, 429), (_, 503):
            later.append((NIODeadline.now() + (answer.retryAfter ?? .seconds(1)), work))
        case (_, 403):
            failure = CommandError(
                """
                The server takes no registrations. Start it with --registration open, or give --users or --seed of \
                an earlier run.
                """)
        case (.login(let user), 401):
            failure = CommandError("\(users.identifier(user)) was refused. Was the user changed meanwhile?")
        default:
            let code = answer.code.map { " \($0)" } ?? ""
            failure = CommandError("The users cannot be made: \(target) answers \(answer.status)\(code).")
        }
        return .status(of: answer)
    }

    func abandon(on lane: Int) {
        guard let work = current[lane] else { return }
        giveBack(work, succeeded: false)
        // A registration may have been carried out: a sign-in finds out.
        switch work {
        case .register(let user), .login(let user): later.append((.now() + .seconds(1), .login(user: user)))
        }
    }

    private func giveBack(_ work: Work, succeeded: Bool) {
        switch work {
        case .register(let user), .login(let user): if !succeeded { remaining[user] += 1 }
        }
    }

    private func returnPostponed() {
        guard !later.isEmpty else { return }
        let now = NIODeadline.now()
        for (due, work) in later where due <= now {
            switch work {
            case .register(let user): registrations.append(user)
            case .login(let user): logins.append(user)
            }
        }
        later.removeAll { $0.due <= now }
    }
}
