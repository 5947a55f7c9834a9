import NIOCore
import NIOHTTP1
import PawlAPI

/// GET of one path, again and again: what the server and HTTP cost without any work.
final class BaselineWorkload: Workload {
    let method = HTTPMethod.GET
    private let bytes: [UInt8]

    init(_ target: BenchTarget) {
        bytes = [UInt8]((target.head("GET", target.path) + "\r\n").utf8)
    }

    func next(on lane: Int, into request: inout ByteBuffer) -> Step {
        request.writeBytes(bytes)
        return .send
    }

    func judge(_ answer: Answer, on lane: Int) -> Verdict {
        answer.status == 200 && answer.body.readableBytes > 0 ? .good : .status(of: answer)
    }

    func abandon(on lane: Int) {}
}

/// Sign-ins of given users, at a rate or as fast as they are answered.
final class LoginWorkload: Workload {
    let method = HTTPMethod.POST
    private let requests: [[UInt8]]
    private let interval: TimeAmount?
    private let limit: Int
    private var good = 0
    private var inFlight = 0
    private var nextDue = NIODeadline.now()
    /// By lane, the moment that it waits for.
    private var due: [NIODeadline?]

    init(_ users: BenchUsers, lanes: Int, rate: Int?, limit: Int, target: BenchTarget) {
        requests = (0..<users.count).map { users.request(PawlPath.login, $0, target: target) }
        interval = rate.map { .nanoseconds(1_000_000_000 / Int64($0)) }
        self.limit = limit
        due = Array(repeating: nil, count: lanes)
    }

    func next(on lane: Int, into request: inout ByteBuffer) -> Step {
        guard good < limit else { return .finish }
        guard good + inFlight < limit else { return .wait(.milliseconds(5)) }
        if let interval {
            // Whichever lane is free takes the next moment, so that slow answers on some do not lower the rate.
            let now = NIODeadline.now()
            let moment = due[lane] ?? max(nextDue, now)
            if due[lane] == nil { nextDue = moment + interval }
            due[lane] = moment
            guard moment <= now else { return .wait(moment - now) }
            due[lane] = nil
        }
        inFlight += 1
        request.writeBytes(requests[lane / BenchUsers.atOnce])
        return .send
    }

    func judge(_ answer: Answer, on lane: Int) -> Verdict {
        inFlight -= 1
        guard answer.status == 200 else { return .status(of: answer) }
        guard answer.refreshToken != nil else { return .bad(fault: "200 without a refresh token") }
        good += 1
        return .good
    }

    func abandon(on lane: Int) { inFlight -= 1 }
}

/// Dead tokens, in turns: each must be refused.
final class DeadWorkload: Workload {
    let method = HTTPMethod.POST
    private let tokens: SessionTokens
    private let limit: Int
    private let request: RefreshRequestBytes
    private var sent = 0

    init(_ tokens: SessionTokens, limit: Int, target: BenchTarget) {
        self.tokens = tokens
        self.limit = limit
        request = RefreshRequestBytes(target: target)
    }

    func next(on lane: Int, into request: inout ByteBuffer) -> Step {
        guard sent < limit else { return .finish }
        self.request.write(tokens[sent % tokens.count], attempt: RefreshRequestBytes.attempt(), into: &request)
        sent += 1
        return .send
    }

    func judge(_ answer: Answer, on lane: Int) -> Verdict { answer.status == 401 ? .good : .status(of: answer) }

    func abandon(on lane: Int) {}
}
