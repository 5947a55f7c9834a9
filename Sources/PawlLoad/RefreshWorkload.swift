import NIOCore
import NIOHTTP1

/// Every session turns again and again, each with the token that its last turn gave. A session belongs to one lane, so
/// it is never turned twice at once.
final class RefreshWorkload: Workload {
    let method = HTTPMethod.POST

    private var tokens: SessionTokens
    /// By lane, with the place of the one whose turn it is.
    private var sessions: [[Int32]]
    private var places: [Int]
    private let request: RefreshRequestBytes

    private let namesAttempts: Bool
    /// By lane, the name of the attempt under way.
    private var attempts: [[UInt8]]
    /// Attempts of which nobody knows whether they were carried out: the retry repeats the name, as a client's would.
    private var unsettled: [Int32: [UInt8]] = [:]

    init(_ tokens: SessionTokens, using count: Int, lanes: Int, namesAttempts: Bool, target: BenchTarget) {
        self.tokens = tokens
        self.tokens.copyNow()
        self.namesAttempts = namesAttempts
        // In random order: sessions that were started together lie together on disk, and taking them in a row would
        // make a large database look as fast as a small one.
        let order = (0..<Int32(count)).shuffled()
        sessions = (0..<lanes).map { lane in stride(from: lane, to: count, by: lanes).map { order[$0] } }
        places = Array(repeating: 0, count: lanes)
        attempts = Array(repeating: [], count: lanes)
        request = RefreshRequestBytes(target: target)
    }

    /// The tokens of the sessions that can go on.
    var current: SessionTokens {
        var tokens = tokens
        for session in unsettled.keys { tokens.end(Int(session)) }
        return tokens
    }

    func next(on lane: Int, into request: inout ByteBuffer) -> Step {
        guard !sessions[lane].isEmpty else { return .finish }
        if places[lane] >= sessions[lane].count { places[lane] = 0 }
        let session = sessions[lane][places[lane]]
        if namesAttempts { attempts[lane] = unsettled[session] ?? RefreshRequestBytes.attempt() }
        self.request.write(tokens[Int(session)], attempt: namesAttempts ? attempts[lane] : nil, into: &request)
        return .send
    }

    func judge(_ answer: Answer, on lane: Int) -> Verdict {
        let session = sessions[lane][places[lane]]
        guard answer.status == 200 else {
            if answer.status == 401 { drop(session, from: lane) } else { postpone(session, of: lane) }
            return .status(of: answer)
        }
        guard let token = answer.refreshToken, !token.readableBytesView.elementsEqual(tokens[Int(session)]) else {
            drop(session, from: lane)
            return .bad(fault: "200 without a new refresh token")
        }
        tokens.replace(Int(session), by: token)
        if !unsettled.isEmpty { unsettled[session] = nil }
        places[lane] += 1
        return .good
    }

    func abandon(on lane: Int) { postpone(sessions[lane][places[lane]], of: lane) }

    private func postpone(_ session: Int32, of lane: Int) {
        unsettled[session] = attempts[lane]
        places[lane] += 1
    }

    private func drop(_ session: Int32, from lane: Int) {
        tokens.end(Int(session))
        unsettled[session] = nil
        sessions[lane].swapAt(places[lane], sessions[lane].count - 1)
        sessions[lane].removeLast()
    }
}
